"""SETR-Naive, ViT-L/16, Pascal Context: published mIoU 52.89 single scale, 53.61 multi-scale; not measured here.

tools/dist_train.sh configs/setr_naive_pascal_context.py 8
"""

_base_ = ['_base_/models/setr_naive.py', '_base_/recipes/setr_pascal_context.py']
model = dict(
    _base_.pop('at_crops'),
    decode_head=dict(num_classes=60),
    auxiliary_head=[dict(head, num_classes=60) for head in _base_.model.auxiliary_head],
)
optim_wrapper = dict(optimizer=dict(lr=0.01))
