# Drawn shapes of 64 x 64, in two minutes.
_base_ = ['../datasets/shapes.py', '../schedules/quickstart.py', '../default_runtime.py']
