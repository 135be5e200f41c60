"""SETR-PUP at CPU size: a pretrained ViT-S/14, a decoder of 128 channels. PRETRAINED names the backbone's weights.

Measured on 360 + 278 pictures of Oxford-IIIT Pet, 2 CPU cores: aAcc 90.81, mIoU 74.84 after 4 epochs, 6.9 min, 2.08 GB.
`PRETRAINED=FILE python tools/train.py configs/setr_pup_pet.py`
"""

_base_ = ['_base_/models/setr_pup.py', '_base_/models/vits14.py', '_base_/recipes/finetune_pet.py']
small = dict(in_channels=384, channels=128, num_classes=3)
model = dict(
    backbone=dict(_base_.pop('vits14'), out_indices=(2, 5, 8, 11)),
    decode_head=small,
    auxiliary_head=[dict(head, **small) for head in _base_.model.auxiliary_head],
)
