# SegFormer-B2 on an encoder pretrained on ImageNet-1k: the host's file, or HF's nvidia/mit-b2.
_base_ = './segformer.py'
model = dict(
    backbone=dict(
        variant='b2',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/mit_b2.pth}}'),
    ),
    decode_head=dict(in_channels=[64, 128, 320, 512], channels=768),
)
