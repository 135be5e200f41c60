"""SETR-PUP, ViT-B/16 (ImageNet-21k), Cityscapes val: published mIoU 78.02 single scale; not measured here.

Auxiliary heads as in the host's configs; the authors have a fourth, on the last level.

tools/dist_train.sh configs/setr_pup_base_cityscapes.py 8
"""

_base_ = ['setr_pup_cityscapes.py', '_base_/models/vit_base.py']
model = dict(
    backbone=dict(_base_.pop('vit_base'), out_indices=(4, 7, 9, 11)),
    decode_head=dict(in_channels=768),
    auxiliary_head=[dict(head, in_channels=768) for head in _base_.model.auxiliary_head],
)
