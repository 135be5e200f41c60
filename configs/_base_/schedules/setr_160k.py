# The same, twice as long.
_base_ = './setr_80k.py'
train_cfg = dict(max_iters=160000, val_interval=16000)
default_hooks = dict(checkpoint=dict(interval=16000))
param_scheduler = [dict(_base_.param_scheduler[0], end=160000)]
