# EoMT on ADE20K: 31 epochs in batches of 16, crops of 512 x 512, tested in windows.
_base_ = ['../datasets/ade20k.py', '../schedules/eomt.py', '../default_runtime.py']
train_cfg = dict(max_iters=31 * 1263, val_interval=3900)
default_hooks = dict(checkpoint=dict(interval=3900))
at_crops = dict(
    data_preprocessor=dict(size=_base_.crop_size, size_divisor=None),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size),
)
