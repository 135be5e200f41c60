"""EoMT on DINOv2-S with registers, ADE20K.

The recipe of L. No published figure is known here; not measured.

tools/dist_train.sh configs/eomt_s_ade20k.py 8
"""

_base_ = ['_base_/models/eomt.py', '_base_/models/dino.py', '_base_/recipes/eomt_ade20k.py']
model = dict(
    _base_.pop('at_crops'),
    backbone=dict(_base_.pop('dino').dinov2_s_reg, img_size=_base_.crop_size),
    decode_head=dict(num_classes=150),
)
