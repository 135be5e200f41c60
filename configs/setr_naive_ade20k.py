"""SETR-Naive, ViT-L/16, ADE20K: published mIoU 48.06 single scale, 48.80 multi-scale; the host's 48.28 / 49.56.

Not measured here.

tools/dist_train.sh configs/setr_naive_ade20k.py 8
"""

_base_ = [
    '_base_/models/setr_naive.py',
    '_base_/datasets/ade20k.py',
    '_base_/schedules/setr_160k.py',
    '_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(img_size=_base_.crop_size),
    decode_head=dict(num_classes=150),
    auxiliary_head=[dict(head, num_classes=150, num_convs=2) for head in _base_.model.auxiliary_head],
    test_cfg=dict(crop_size=_base_.crop_size, stride=(341, 341)),
)
