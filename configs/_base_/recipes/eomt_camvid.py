# EoMT on CamVid, in crops of 322 x 252.
_base_ = ['../datasets/camvid_14.py', '../schedules/eomt_small.py', '../default_runtime.py']
train_cfg = dict(max_epochs=10)
