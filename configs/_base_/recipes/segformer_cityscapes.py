# SegFormer on Cityscapes: 160,000 iterations, crops of 1024 x 1024, tested in windows.
_base_ = ['../datasets/cityscapes_1024.py', '../schedules/segformer_160k.py', '../default_runtime.py']
at_crops = dict(
    data_preprocessor=dict(size=_base_.crop_size, size_divisor=None),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(768, 768)),
)
