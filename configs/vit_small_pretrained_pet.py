"""A pretrained ViT-S/14 with the linear patch head."""

_base_ = [
    '_base_/models/vits14_pretrained.py',
    '_base_/datasets/pet_196.py',
    '_base_/schedules/finetune.py',
    '_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(type='mmseg_vitseg.LinearPatchHead', in_channels=384, num_classes=3, patch_size=14),
)
