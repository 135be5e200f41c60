# A linear probe: the backbone is frozen, its final norm included; batch norm and a 1x1 convolution read its last level.
_base_ = './segmentor.py'
model = dict(
    backbone=dict(type='mmseg_vitseg.VisionTransformer', frozen=True),
    decode_head=dict(
        type='mmseg_vitseg.LinearHead',
        dropout_ratio=0.1,
        norm_cfg=dict(type='SyncBN'),
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False),
    ),
)
