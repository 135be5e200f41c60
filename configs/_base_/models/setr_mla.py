# SETR-MLA: four levels summed from the deepest up, each through convolutions, classified together; and each by itself.
_base_ = './setr.py'
auxiliary = dict(
    _base_.model.decode_head,
    type='FCNHead',
    in_channels=256,
    channels=256,
    num_convs=0,
    kernel_size=1,
    concat_input=False,
    loss_decode=dict(_base_.model.decode_head.loss_decode, loss_weight=0.4),
)
model = dict(
    backbone=dict(with_cls_token=False, out_indices=(5, 11, 17, 23)),
    neck=dict(
        type='mmseg_vitseg.MLANeck',
        in_channels=[1024, 1024, 1024, 1024],
        out_channels=256,
        norm_cfg=dict(type='SyncBN'),
        act_cfg=dict(type='ReLU'),
    ),
    decode_head=dict(
        type='mmseg_vitseg.SETRMLAHead',
        in_channels=(256, 256, 256, 256),
        in_index=(0, 1, 2, 3),
        mla_channels=128,
        channels=512,
    ),
    auxiliary_head=[dict(auxiliary, in_index=i) for i in range(4)],
)
