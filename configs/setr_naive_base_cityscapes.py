"""SETR-Naive, ViT-B/16 (ImageNet-21k), Cityscapes val: published mIoU 76.25 single scale; not measured here.

tools/dist_train.sh configs/setr_naive_base_cityscapes.py 8
"""

_base_ = ['setr_naive_cityscapes.py', '_base_/models/vit_base.py']
model = dict(
    backbone=dict(_base_.pop('vit_base'), out_indices=(2, 5, 8, 11)),
    decode_head=dict(in_channels=768),
    auxiliary_head=[dict(head, in_channels=768) for head in _base_.model.auxiliary_head],
)
