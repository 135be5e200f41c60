"""SegFormer's all-MLP decoder on a pretrained ViT-S/14, at CPU size. PRETRAINED names the backbone's weights.

Measured on 360 + 278 pictures of Oxford-IIIT Pet, 2 CPU cores: aAcc 86.79, mIoU 63.64 after 4 epochs, 4.4 min, 1.76 GB.
`PRETRAINED=FILE python tools/train.py configs/vit_segformer_pet.py`
"""

_base_ = ['_base_/models/vit_segformer.py', '_base_/models/vits14.py', '_base_/recipes/finetune_pet.py']
model = dict(backbone=_base_.pop('vits14'), decode_head=dict(in_channels=[384] * 4, channels=128, num_classes=3))
