# A few epochs of AdamW on a pretrained backbone; what starts from scratch learns ten times as fast.
_base_ = './epochs.py'
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=5e-5, weight_decay=0.05),
    constructor='mmseg_vitseg.DefaultOptimWrapperConstructor',
    paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=10.0), 'neck': dict(lr_mult=10.0)}),
)
train_cfg = dict(max_epochs=4)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='PolyLR', power=0.9, by_epoch=True, begin=0, end=4, convert_to_iter_based=True),
]
default_hooks = dict(progress=dict(type='mmseg_vitseg.PredictionProgressHook'))
