# SegFormer on ADE20K: 160,000 iterations, crops of 512 x 512, tested on whole pictures.
_base_ = ['../datasets/ade20k.py', '../schedules/segformer_160k.py', '../default_runtime.py']
at_crops = dict(data_preprocessor=dict(size=_base_.crop_size, size_divisor=None))
