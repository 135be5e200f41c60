"""A frozen ViT-S/14 with a linear head on CamVid, 11 classes, at CPU size. PRETRAINED names the backbone's weights.

Measured on 367 + 101 pictures of 480 x 360, one CPU core: mIoU 49.91, aAcc 86.84 after 5 of the 10 epochs; the end was not
reached on a crowded machine and is not measured. A step of 8 crops takes 1.8 s.
`PRETRAINED=FILE CAMVID_ROOT=DIR python tools/train.py configs/vit_small_linear_camvid.py`
"""

_base_ = ['_base_/models/linear.py', '_base_/models/vits14.py', '_base_/recipes/linear_camvid.py']
model = dict(backbone=_base_.pop('vits14'), decode_head=dict(in_channels=384, num_classes=11))
