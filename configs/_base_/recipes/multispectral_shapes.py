# Drawn shapes of 64 x 64 in six bands, in two minutes.
_base_ = ['../datasets/multispectral_shapes.py', '../schedules/quickstart.py', '../default_runtime.py']
