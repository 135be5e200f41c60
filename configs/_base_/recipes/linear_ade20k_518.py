# The same for patches of 14 pixels: crops and windows of 518 x 518.
_base_ = ['../datasets/ade20k_518.py', '../schedules/linear_40k.py', '../default_runtime.py']
at_crops = dict(
    data_preprocessor=dict(size=_base_.crop_size, size_divisor=None),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(341, 341)),
)
