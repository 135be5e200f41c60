# SegFormer-B5 on an encoder pretrained on ImageNet-1k: the host's file, or HF's nvidia/mit-b5. B2's widths.
_base_ = './segformer_b2.py'
model = dict(backbone=dict(variant='b5', init_cfg=dict(checkpoint='{{$PRETRAINED:pretrain/mit_b5.pth}}')))
