"""The host's UPerNet on a pretrained ViT-S/14, at CPU size. PRETRAINED names the backbone's weights.

Not measured. `PRETRAINED=FILE PET_ROOT=DIR python tools/train.py configs/vit_upernet_pet.py`
"""

_base_ = ['_base_/models/vits14_pretrained.py', '_base_/recipes/finetune_pet.py']
levels = dict(in_channels=[384] * 4, in_index=[0, 1, 2, 3])
model = dict(
    backbone=dict(out_indices=(2, 5, 8, 11)),
    neck=dict(type='MultiLevelNeck', in_channels=[384] * 4, out_channels=384, scales=[4, 2, 1, 0.5]),
    decode_head=dict(type='UPerHead', **levels, channels=128, num_classes=3, norm_cfg=dict(type='SyncBN')),
)
