# From scratch on CamVid, in crops of 320 x 256: 75 epochs of AdamW, scores each fifth.
_base_ = ['../datasets/camvid.py', '../schedules/scratch.py', '../default_runtime.py']
train_cfg = dict(max_epochs=75, val_interval=5)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=75)]
