"""SegFormer's all-MLP decoder on a pretrained ViT-S/14, at CPU size. PRETRAINED names the backbone's weights."""

_base_ = [
    '_base_/models/vit_segformer.py',
    '_base_/models/vits14.py',
    '_base_/datasets/pet_196.py',
    '_base_/schedules/finetune.py',
    '_base_/default_runtime.py',
]
model = dict(
    backbone=dict(type='mmseg_vitseg.VisionTransformer', **_base_.vits14),
    decode_head=dict(in_channels=[384] * 4, channels=128, num_classes=3),
)
