# SETR-Naive: 1x1 convolution, norm, ReLU, classifier, bilinear; the same on three intermediate levels.
_base_ = './setr.py'
head = dict(
    _base_.model.decode_head,
    type='mmseg_vitseg.SETRUPHead',
    in_channels=1024,
    channels=256,
    num_convs=1,
    up_scale=4,
    kernel_size=1,
)
model = dict(
    backbone=dict(out_indices=(9, 14, 19, 23)),
    decode_head=dict(head, in_index=3),
    auxiliary_head=[dict(head, in_index=i, loss_decode=dict(head['loss_decode'], loss_weight=0.4)) for i in range(3)],
)
