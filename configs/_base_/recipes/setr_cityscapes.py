# SETR on Cityscapes: 80,000 iterations, crops of 768 x 768, tested in windows.
_base_ = ['../datasets/cityscapes.py', '../schedules/setr_80k.py', '../default_runtime.py']
optim_wrapper = dict(optimizer=dict(lr=0.01))
at_crops = dict(
    data_preprocessor=dict(size=_base_.crop_size, size_divisor=None),
    backbone=dict(img_size=_base_.crop_size),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(512, 512)),
)
