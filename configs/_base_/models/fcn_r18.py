# The host's FCN on a ResNet-18 at 1/16, from scratch.
_base_ = './segmentor.py'
model = dict(
    backbone=dict(
        type='ResNetV1c',
        depth=18,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        norm_cfg=dict(type='SyncBN', requires_grad=True),
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=512,
        channels=128,
        num_convs=2,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, avg_non_ignore=True),
    ),
)
