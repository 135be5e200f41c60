# EoMT on Cityscapes: 107 epochs in batches of 16, crops of 1024 x 1024, tested in two windows. The authors' phases.
_base_ = ['../datasets/cityscapes_1024.py', '../schedules/eomt.py', '../default_runtime.py']
train_dataloader = dict(batch_size=2)
train_cfg = dict(max_iters=107 * 186, val_interval=2000)
default_hooks = dict(
    mask_annealing=dict(starts=(3317, 6634, 9951, 13268), ends=(6634, 9951, 13268, 16585)),
    checkpoint=dict(interval=2000),
)
at_crops = dict(
    data_preprocessor=dict(size=_base_.crop_size, size_divisor=None),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size),
)
