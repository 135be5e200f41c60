# EoMT on Oxford-IIIT Pet at 196 x 196: 4 epochs.
_base_ = ['../datasets/pet_196.py', '../schedules/eomt_small.py', '../default_runtime.py']
