"""SegFormer-B5, Cityscapes val: the host's mIoU 82.25 single scale, with its own decoder; not measured here.

The host's decoder, for its checkpoints:
--cfg-options model.decode_head.linear_projection=False model.decode_head.channels=256

tools/dist_train.sh configs/segformer_b5_cityscapes.py 8
"""

_base_ = ['_base_/models/segformer_b5.py', '_base_/recipes/segformer_cityscapes.py']
model = _base_.pop('at_crops')
