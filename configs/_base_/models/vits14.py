# The sizes of vit_small_patch14_dinov2 under timm's names, and the pretrained file, for a backbone with any head behind it.
vits14 = dict(
    variant='small',
    img_size=518,
    patch_size=14,
    layer_scale=1e-5,
    final_norm=True,
    norm_cfg=dict(type='LN', eps=1e-6),
    interpolate_mode='bicubic',
    init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/vits14.safetensors}}'),
)
