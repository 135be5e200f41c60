# A pretrained ViT-S/14; any head behind it.
_base_ = ['./segmentor.py', './vits14.py']
model = dict(backbone=dict(type='mmseg_vitseg.VisionTransformer', **_base_.pop('vits14')))
