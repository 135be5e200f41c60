# SETR on ADE20K: 160,000 iterations, crops of 512 x 512, tested in windows. The learning rate is PUP's and MLA's.
_base_ = ['../datasets/ade20k.py', '../schedules/setr_160k.py', '../default_runtime.py']
optim_wrapper = dict(optimizer=dict(lr=0.001))
at_crops = dict(
    data_preprocessor=dict(size=_base_.crop_size, size_divisor=None),
    backbone=dict(img_size=_base_.crop_size),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(341, 341)),
)
