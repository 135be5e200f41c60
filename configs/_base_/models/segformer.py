# SegFormer (arXiv 2105.15203) in the authors' form: MiT-B0, a decoder of width 256 and linear projections.
_base_ = './segmentor.py'
model = dict(
    backbone=dict(
        type='mmseg_vitseg.MixVisionTransformer',
        variant='b0',
        drop_path_rate=0.1,
        reduction_norm_cfg=dict(type='LN', eps=1e-5),
    ),
    decode_head=dict(
        type='mmseg_vitseg.SegformerHead',
        in_channels=[32, 64, 160, 256],
        in_index=[0, 1, 2, 3],
        channels=256,
        linear_projection=True,
        dropout_ratio=0.1,
        num_classes=19,
        norm_cfg=dict(type='SyncBN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False),
    ),
)
