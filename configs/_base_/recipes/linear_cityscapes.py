# A linear probe on Cityscapes: 40,000 iterations, crops of 512 x 512, tested in windows.
_base_ = ['../datasets/cityscapes_512.py', '../schedules/linear_40k.py', '../default_runtime.py']
at_crops = dict(
    data_preprocessor=dict(size=_base_.crop_size, size_divisor=None),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(341, 341)),
)
