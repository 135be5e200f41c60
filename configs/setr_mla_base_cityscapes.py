"""SETR-MLA, ViT-B/16 (ImageNet-21k), Cityscapes val: published mIoU 76.87 single scale; not measured here.

tools/dist_train.sh configs/setr_mla_base_cityscapes.py 8
"""

_base_ = ['setr_mla_cityscapes.py', '_base_/models/vit_base.py']
model = dict(
    backbone=dict(_base_.pop('vit_base'), out_indices=(2, 5, 8, 11)),
    neck=dict(in_channels=[768, 768, 768, 768]),
)
