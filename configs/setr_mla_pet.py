"""SETR-MLA at CPU size: a pretrained ViT-S/14, a decoder of 128 channels. PRETRAINED names the backbone's weights.

Measured on 360 + 278 pictures of Oxford-IIIT Pet, 2 CPU cores: aAcc 88.53, mIoU 68.80 after 4 epochs, 5.2 min, 1.78 GB.
`PRETRAINED=FILE python tools/train.py configs/setr_mla_pet.py`
"""

_base_ = ['_base_/models/setr_mla.py', '_base_/models/vits14.py', '_base_/recipes/finetune_pet.py']
model = dict(
    backbone=dict(_base_.pop('vits14'), out_indices=(2, 5, 8, 11)),
    neck=dict(in_channels=[384, 384, 384, 384], out_channels=128),
    decode_head=dict(in_channels=(128, 128, 128, 128), mla_channels=64, channels=256, num_classes=3),
    auxiliary_head=[dict(head, in_channels=128, channels=128, num_classes=3) for head in _base_.model.auxiliary_head],
)
