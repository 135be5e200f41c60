"""SETR-PUP, ViT-L/16, Pascal Context: published mIoU 54.40 single scale, 55.27 multi-scale; not measured here.

Auxiliary heads as in the host's configs; the authors have a fourth, on the last level.

tools/dist_train.sh configs/setr_pup_pascal_context.py 8
"""

_base_ = [
    '_base_/models/setr_pup.py',
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
optim_wrapper = dict(optimizer=dict(lr=0.001))
