"""The recipe of "Efficient image segmentation, part 4" to the letter: 86.28 M parameters. The batch size is ours.

Published: pixel accuracy 85.89 on the whole data set after 50 epochs. Not measured here; one epoch of 360 + 278 pictures
takes 100 s and 3.5 GB on 2 CPU cores. `python tools/train.py configs/vit_linear_pet.py`
"""

_base_ = ['_base_/models/vit_linear.py', '_base_/recipes/article_pet.py']
model = dict(
    backbone=dict(variant='base', num_heads=8, attn_drop_rate=0.2, mlp_drop_rate=0.2),
    decode_head=dict(in_channels=768, num_classes=3),
)
