"""SETR-Naive at CPU size: a pretrained ViT-S/14, a decoder of 128 channels. PRETRAINED names the backbone's weights.

Measured on 360 + 278 pictures of Oxford-IIIT Pet, 2 CPU cores: aAcc 87.85, mIoU 65.68 after 4 epochs, 4.6 min, 1.77 GB.
`PRETRAINED=FILE python tools/train.py configs/setr_naive_pet.py`
"""

_base_ = ['_base_/models/setr_naive.py', '_base_/models/vits14.py', '_base_/recipes/finetune_pet.py']
small = dict(in_channels=384, channels=128, num_classes=3)
model = dict(
    backbone=dict(_base_.pop('vits14'), out_indices=(2, 5, 8, 11)),
    decode_head=small,
    auxiliary_head=[dict(head, **small) for head in _base_.model.auxiliary_head],
)
