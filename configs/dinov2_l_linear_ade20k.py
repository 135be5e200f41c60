"""DINOv2-L/14, frozen, and a linear head, ADE20K: published mIoU 47.7.

DINOv3's recipe, in crops and windows of 518 x 518: a multiple of 14, a patch, so nothing is padded. Not measured here.

tools/dist_train.sh configs/dinov2_l_linear_ade20k.py 8
"""

_base_ = ['_base_/models/linear.py', '_base_/models/dino.py', '_base_/recipes/linear_ade20k_518.py']
model = dict(
    _base_.pop('at_crops'),
    backbone=_base_.pop('dino').dinov2_l,
    decode_head=dict(in_channels=1024, num_classes=150),
)
