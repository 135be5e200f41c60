# EoMT on CamVid, in crops of 322 x 252: 4 epochs, scores after each second.
_base_ = ['../datasets/camvid_14.py', '../schedules/eomt_small.py', '../default_runtime.py']
train_cfg = dict(val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2))
