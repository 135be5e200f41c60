"""SETR-Naive, ViT-L/16, Cityscapes val: published mIoU 77.90 single scale; not measured here.

tools/dist_train.sh configs/setr_naive_cityscapes.py 8
"""

_base_ = ['_base_/models/setr_naive.py', '_base_/recipes/setr_cityscapes.py']
model = _base_.pop('at_crops')
