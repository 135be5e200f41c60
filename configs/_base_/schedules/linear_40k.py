# A linear probe's 40,000 iterations: AdamW, warm-up, linear decay.
_base_ = './iterations.py'
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-3))
train_cfg = dict(max_iters=40000, val_interval=4000)
default_hooks = dict(checkpoint=dict(interval=4000))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='PolyLR', eta_min=0.0, power=1.0, by_epoch=False, begin=1500, end=40000),
]
