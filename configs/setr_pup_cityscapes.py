"""SETR-PUP, ViT-L/16, Cityscapes val: published mIoU 79.34 single scale (82.15 multi-scale); not measured here.

tools/dist_train.sh configs/setr_pup_cityscapes.py 8
"""

_base_ = ['_base_/models/setr_pup.py', '_base_/recipes/setr_cityscapes.py']
model = _base_.pop('at_crops')
