"""SETR-Naive, ViT-L/16, Pascal Context: published mIoU 52.89 single scale, 53.61 multi-scale; not measured here.

tools/dist_train.sh configs/setr_naive_pascal_context.py 8
"""

_base_ = [
    '_base_/models/setr_naive.py',
    '_base_/datasets/pascal_context.py',
    '_base_/schedules/setr_80k.py',
    '_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(img_size=_base_.crop_size),
    decode_head=dict(num_classes=60),
    auxiliary_head=[dict(head, num_classes=60) for head in _base_.model.auxiliary_head],
    test_cfg=dict(crop_size=_base_.crop_size, stride=(320, 320)),
)
