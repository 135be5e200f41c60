# "Efficient image segmentation, part 4": batch norm of the image, ViT, one linear projection to each patch's logits.
_base_ = './segmentor.py'
model = dict(
    data_preprocessor=dict(mean=None, std=None),
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer',
        img_size=128,
        patch_size=16,
        input_norm='batch',
        with_cls_token=False,
        norm_cfg=dict(type='LN', eps=1e-6),
    ),
    decode_head=dict(
        type='mmseg_vitseg.LinearPatchHead',
        patch_size=16,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, avg_non_ignore=True),
    ),
)
