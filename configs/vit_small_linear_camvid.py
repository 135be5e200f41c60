"""A frozen ViT-S/14 with a linear head on CamVid, 11 classes, at CPU size. PRETRAINED names the backbone's weights.

Measured on 367 + 101 pictures of 480 x 360, one CPU core: mIoU 51.63, aAcc 87.29 after 10 epochs, 1.8 s a step of 8 crops.
`PRETRAINED=FILE CAMVID_ROOT=DIR python tools/train.py configs/vit_small_linear_camvid.py`
"""

_base_ = ['_base_/models/linear.py', '_base_/models/vits14.py', '_base_/recipes/linear_camvid.py']
model = dict(backbone=_base_.pop('vits14'), decode_head=dict(in_channels=384, num_classes=11))
