"""SegFormer's all-MLP decoder on a plain ViT-B/16, ADE20K, in SegFormer's schedule: no published figure; not measured here.

tools/dist_train.sh configs/vit_segformer_ade20k.py 8
"""

_base_ = ['_base_/models/vit_segformer.py', '_base_/models/vit_base.py', '_base_/recipes/segformer_ade20k.py']
model = dict(
    _base_.pop('at_crops'),
    backbone=dict(
        img_size=_base_.crop_size, norm_cfg=dict(type='LN', eps=1e-6), init_cfg=_base_.pop('vit_base').init_cfg
    ),
    decode_head=dict(in_channels=[768] * 4, num_classes=150),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(341, 341)),
)
