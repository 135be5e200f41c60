"""SETR-MLA, ViT-L/16, Pascal Context: published mIoU 54.87 single scale, 55.83 multi-scale; not measured here.

tools/dist_train.sh configs/setr_mla_pascal_context.py 8
"""

_base_ = ['_base_/models/setr_mla.py', '_base_/recipes/setr_pascal_context.py']
model = dict(
    _base_.pop('at_crops'),
    decode_head=dict(num_classes=60),
    auxiliary_head=[dict(head, num_classes=60) for head in _base_.model.auxiliary_head],
)
