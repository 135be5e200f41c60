# What makes a ViT-L/16 a ViT-B/16, and the pretrained file: a second base, whose variable a leaf takes out.
vit_base = dict(
    variant='base',
    init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/vit_base_patch16_384.safetensors}}'),
)
