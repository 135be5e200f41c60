# EoMT (arXiv 2503.19108): 100 queries pass the last blocks of a ViT. Weights for patches of another size are resized to 16.
_base_ = './segmentor.py'
model = dict(
    type='mmseg_vitseg.EoMT',
    backbone=dict(type='mmseg_vitseg.VisionTransformer', patch_size=16, init_cfg=dict(resize_patches=True)),
    decode_head=dict(type='mmseg_vitseg.EoMTHead', num_queries=100),
)
