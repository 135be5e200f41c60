"""SETR-MLA, ViT-B/16 (ImageNet-21k), Cityscapes val: published mIoU 76.87 single scale; not measured here.

tools/dist_train.sh configs/setr_mla_base_cityscapes.py 8
"""

_base_ = 'setr_mla_cityscapes.py'
model = dict(
    backbone=dict(
        variant='base',
        out_indices=(2, 5, 8, 11),
        init_cfg=dict(checkpoint='{{$PRETRAINED:pretrain/vit_base_patch16_384.safetensors}}'),
    ),
    neck=dict(in_channels=[768, 768, 768, 768]),
)
