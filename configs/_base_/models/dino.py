# What makes a backbone a DINOv2 or a DINOv3, and the pretrained file: a second base, whose variable the leaf takes out.
dino = dict(
    dinov2_s=dict(
        variant='dinov2_s',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/dinov2_vits14.safetensors}}'),
    ),
    dinov2_b=dict(
        variant='dinov2_b',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/dinov2_vitb14.safetensors}}'),
    ),
    dinov2_l=dict(
        variant='dinov2_l',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/dinov2_vitl14.safetensors}}'),
    ),
    dinov2_g=dict(
        variant='dinov2_g',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/dinov2_vitg14.safetensors}}'),
    ),
    dinov2_s_reg=dict(
        variant='dinov2_s_reg',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/dinov2_vits14_reg4.safetensors}}'),
    ),
    dinov2_b_reg=dict(
        variant='dinov2_b_reg',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/dinov2_vitb14_reg4.safetensors}}'),
    ),
    dinov2_l_reg=dict(
        variant='dinov2_l_reg',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/dinov2_vitl14_reg4.safetensors}}'),
    ),
    dinov3_s=dict(
        variant='dinov3_s',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/dinov3_vits16.safetensors}}'),
    ),
    dinov3_b=dict(
        variant='dinov3_b',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/dinov3_vitb16.safetensors}}'),
    ),
    dinov3_l=dict(
        variant='dinov3_l',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/dinov3_vitl16.safetensors}}'),
    ),
)
