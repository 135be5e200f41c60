"""SegFormer-B0 on Oxford-IIIT Pet, from scratch, at CPU size."""

_base_ = [
    '_base_/models/segformer.py',
    '_base_/datasets/pet.py',
    '_base_/schedules/scratch.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=3))
train_cfg = dict(max_epochs=200, val_interval=5)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=200)]
