"""The host's FCN head, two 3x3 convolutions, on a pretrained ViT-S/14. PRETRAINED names the backbone's weights.

Not measured. `PRETRAINED=FILE PET_ROOT=DIR python tools/train.py configs/vit_fcn_pet.py`
"""

_base_ = ['_base_/models/vits14_pretrained.py', '_base_/recipes/finetune_pet.py']
model = dict(
    decode_head=dict(type='FCNHead', in_channels=384, channels=128, num_classes=3, norm_cfg=dict(type='SyncBN')),
)
