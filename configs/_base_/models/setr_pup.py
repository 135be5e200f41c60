# SETR-PUP: four times 3x3 convolution, norm, ReLU, bilinear x2; two such stages, x4, on three intermediate levels.
_base_ = './setr.py'
head = dict(_base_.model.decode_head, type='mmseg_vitseg.SETRUPHead', in_channels=1024, channels=256, kernel_size=3)
auxiliary = dict(head, num_convs=2, up_scale=4, loss_decode=dict(head['loss_decode'], loss_weight=0.4))
model = dict(
    backbone=dict(out_indices=(9, 14, 19, 23)),
    decode_head=dict(head, in_index=3, num_convs=4, up_scale=2),
    auxiliary_head=[dict(auxiliary, in_index=i) for i in range(3)],
)
