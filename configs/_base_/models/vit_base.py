# What makes a backbone a ViT-B/16, and the pretrained file: a second base, whose variable the leaf takes out.
vit_base = dict(
    variant='base',
    init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/vit_base_patch16_384.safetensors}}'),
)
