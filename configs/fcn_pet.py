"""The host's FCN on a ResNet-18, from scratch: a CNN to compare with."""

_base_ = [
    '_base_/models/fcn_r18.py',
    '_base_/datasets/pet.py',
    '_base_/schedules/scratch.py',
    '_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=3))
