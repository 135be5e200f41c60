# SETR (arXiv 2012.15840), what its three decoders share: ViT-L/16, here for 19 classes at 768 x 768, tested in windows.
_base_ = './segmentor.py'
model = dict(
    data_preprocessor=dict(size=(768, 768), size_divisor=None),
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer',
        variant='large',
        img_size=(768, 768),
        patch_size=16,
        norm_cfg=dict(type='LN', eps=1e-6),
        interpolate_mode='bilinear',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/vit_large_patch16_384.safetensors}}'),
    ),
    test_cfg=dict(mode='slide', crop_size=(768, 768), stride=(512, 512)),
)
head_defaults = dict(num_classes=19, dropout_ratio=0, norm_cfg=dict(type='SyncBN'))
loss = dict(type='CrossEntropyLoss', use_sigmoid=False)
