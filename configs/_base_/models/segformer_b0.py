# SegFormer-B0 on an encoder pretrained on ImageNet-1k: the host's file, or HF's nvidia/mit-b0.
_base_ = './segformer.py'
model = dict(
    backbone=dict(
        variant='b0',
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/mit_b0.pth}}'),
    ),
)
