# SETR on Pascal Context: 80,000 iterations, crops of 480 x 480, tested in windows. The learning rate is PUP's and MLA's.
_base_ = ['../datasets/pascal_context.py', '../schedules/setr_80k.py', '../default_runtime.py']
optim_wrapper = dict(optimizer=dict(lr=0.001))
at_crops = dict(
    data_preprocessor=dict(size=_base_.crop_size, size_divisor=None),
    backbone=dict(img_size=_base_.crop_size),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(320, 320)),
)
