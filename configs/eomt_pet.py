"""EoMT on Oxford-IIIT Pet at CPU size: a pretrained ViT-S/14, 16 queries. PRETRAINED names the backbone's weights.

Not measured.
`PRETRAINED=FILE PET_ROOT=DIR python tools/train.py configs/eomt_pet.py`
"""

_base_ = ['_base_/models/eomt.py', '_base_/models/vits14.py', '_base_/recipes/eomt_pet.py']
model = dict(backbone=_base_.pop('vits14'), decode_head=dict(num_classes=3, num_queries=16))
