"""The same idea at CPU size."""

_base_ = [
    '_base_/models/vit_linear.py',
    '_base_/datasets/pet.py',
    '_base_/schedules/scratch.py',
    '_base_/default_runtime.py',
]
model = dict(
    backbone=dict(variant='tiny', num_layers=8, patch_size=8, mlp_drop_rate=0.1, drop_path_rate=0.1),
    decode_head=dict(in_channels=192, num_classes=3, patch_size=8),
)
train_dataloader = dict(batch_size=8)
