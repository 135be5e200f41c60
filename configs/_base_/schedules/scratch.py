# From scratch on a small data set: AdamW, two epochs of warm-up, then a cosine to zero.
_base_ = './epochs.py'
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05))
train_cfg = dict(max_epochs=30)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=2, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', by_epoch=True, begin=2, end=30, convert_to_iter_based=True),
]
default_hooks = dict(progress=dict(type='mmseg_vitseg.PredictionProgressHook'))
