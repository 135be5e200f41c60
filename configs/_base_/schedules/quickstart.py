# 7 epochs of AdamW.
_base_ = './epochs.py'
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05))
train_cfg = dict(max_epochs=7)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=32),
    dict(type='CosineAnnealingLR', by_epoch=True, begin=1, end=7, convert_to_iter_based=True),
]
default_hooks = dict(progress=dict(type='mmseg_vitseg.PredictionProgressHook', num_images=9))
