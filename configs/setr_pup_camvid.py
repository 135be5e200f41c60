"""SETR-PUP on CamVid, 11 classes, at CPU size: a decoder of 128 channels. PRETRAINED names the backbone's weights.

Measured on 367 + 101 pictures, one CPU core: mIoU 35.17, aAcc 80.56 after 4 epochs, 22.6 min of processor time, 3.5 GB.
`PRETRAINED=FILE CAMVID_ROOT=DIR python tools/train.py configs/setr_pup_camvid.py`
"""

_base_ = ['_base_/models/setr_pup.py', '_base_/models/vits14.py', '_base_/recipes/finetune_camvid.py']
small = dict(in_channels=384, channels=128, num_classes=11)
model = dict(
    backbone=dict(_base_.pop('vits14'), out_indices=(2, 5, 8, 11)),
    decode_head=small,
    auxiliary_head=[dict(head, **small) for head in _base_.model.auxiliary_head],
)
