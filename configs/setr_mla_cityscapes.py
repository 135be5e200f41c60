"""SETR-MLA, ViT-L/16, Cityscapes val: published mIoU 77.24 single scale; not measured here.

tools/dist_train.sh configs/setr_mla_cityscapes.py 8
"""

_base_ = ['_base_/models/setr_mla.py', '_base_/recipes/setr_cityscapes.py']
model = _base_.pop('at_crops')
optim_wrapper = dict(optimizer=dict(lr=0.002))
