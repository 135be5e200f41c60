# SETR (arXiv 2012.15840), what its three decoders share: ViT-L/16, 19 classes. The recipe sets sizes and windows.
_base_ = './segmentor.py'
model = dict(
    data_preprocessor=dict(size=None),
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer',
        variant='large',
        patch_size=16,
        norm_cfg=dict(type='LN', eps=1e-6),
        interpolate_mode='bilinear',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/vit_large_patch16_384.safetensors}}'),
    ),
    decode_head=dict(
        num_classes=19,
        dropout_ratio=0,
        norm_cfg=dict(type='SyncBN'),
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False),
    ),
)
