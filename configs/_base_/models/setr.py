# SETR (arXiv 2012.15840), what its three decoders share: ViT-L/16, here for 19 classes at 768 x 768, tested in windows.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=(768, 768),
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer',
        variant='large',
        img_size=(768, 768),
        patch_size=16,
        norm_cfg=dict(type='LN', eps=1e-6),
        interpolate_mode='bilinear',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/vit_large_patch16_384.safetensors}}'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='slide', crop_size=(768, 768), stride=(512, 512)),
)
head_defaults = dict(num_classes=19, dropout_ratio=0, norm_cfg=dict(type='SyncBN'))
loss = dict(type='CrossEntropyLoss', use_sigmoid=False)
