"""DINOv3-L/16, frozen, and a linear head, ADE20K: published mIoU 54.9.

The published recipe (arXiv 2508.10104); how the learning rate falls is ours. Not measured here.

tools/dist_train.sh configs/dinov3_l_linear_ade20k.py 8
"""

_base_ = ['_base_/models/linear.py', '_base_/models/dino.py', '_base_/recipes/linear_ade20k.py']
model = dict(
    _base_.pop('at_crops'),
    backbone=_base_.pop('dino').dinov3_l,
    decode_head=dict(in_channels=1024, num_classes=150),
)
