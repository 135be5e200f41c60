"""EoMT on DINOv2-L with registers, Cityscapes.

The published recipe (arXiv 2503.19108), but for the crops, which are the host's. Not measured here.

tools/dist_train.sh configs/eomt_l_cityscapes.py 8
"""

_base_ = ['_base_/models/eomt.py', '_base_/models/dino.py', '_base_/recipes/eomt_cityscapes.py']
model = dict(
    _base_.pop('at_crops'),
    backbone=dict(_base_.pop('dino').dinov2_l_reg, img_size=_base_.crop_size),
    decode_head=dict(num_classes=19),
)
