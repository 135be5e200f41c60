# A pretrained ViT-S/14 under timm's names (vit_small_patch14_dinov2): its sizes, its normalisation; any head behind it.
_base_ = './segmentor.py'
model = dict(
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer',
        variant='small',
        img_size=518,
        patch_size=14,
        layer_scale=1e-5,
        final_norm=True,
        norm_cfg=dict(type='LN', eps=1e-6),
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/vits14.safetensors}}'),
    ),
)
