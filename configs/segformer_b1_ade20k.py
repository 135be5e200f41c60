"""SegFormer-B1, ADE20K: published mIoU 42.2 single scale; the host's 40.97, with its own decoder.

Not measured here. The host's decoder, for its checkpoints:
--cfg-options model.decode_head.linear_projection=False model.decode_head.channels=256

tools/dist_train.sh configs/segformer_b1_ade20k.py 8
"""

_base_ = ['_base_/models/segformer_b1.py', '_base_/recipes/segformer_ade20k.py']
model = dict(_base_.pop('at_crops'), decode_head=dict(num_classes=150))
