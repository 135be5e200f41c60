"""EoMT on DINOv2-L with registers, ADE20K: published mIoU 58.4 (arXiv 2503.19108).

The published recipe, but for the crops, which are the host's. Not measured here.

tools/dist_train.sh configs/eomt_l_ade20k.py 8
"""

_base_ = ['_base_/models/eomt.py', '_base_/models/dino.py', '_base_/recipes/eomt_ade20k.py']
model = dict(
    _base_.pop('at_crops'),
    backbone=dict(_base_.pop('dino').dinov2_l_reg, img_size=_base_.crop_size),
    decode_head=dict(num_classes=150),
)
default_hooks = dict(
    mask_annealing=dict(starts=(6520, 13040, 19560, 26080), ends=(13040, 19560, 26080, 32600)),  # the authors'
)
