"""DINOv3-L/16, frozen, and a linear head, Cityscapes: the recipe of ADE20K, on pictures at their own size.

No published figure is known here; not measured.

tools/dist_train.sh configs/dinov3_l_linear_cityscapes.py 8
"""

_base_ = ['_base_/models/linear.py', '_base_/models/dino.py', '_base_/recipes/linear_cityscapes.py']
model = dict(
    _base_.pop('at_crops'),
    backbone=_base_.pop('dino').dinov3_l,
    decode_head=dict(in_channels=1024, num_classes=19),
)
