# SegFormer's decoder on four levels of a plain ViT, all at the same size.
_base_ = './segmentor.py'
model = dict(
    backbone=dict(type='mmseg_vitseg.VisionTransformer', out_indices=(2, 5, 8, 11)),
    decode_head=dict(
        type='mmseg_vitseg.SegformerHead',
        in_index=[0, 1, 2, 3],
        channels=256,
        linear_projection=True,
        dropout_ratio=0.1,
        norm_cfg=dict(type='SyncBN'),
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False),
    ),
)
