# From scratch on Oxford-IIIT Pet at 128 x 128: 30 epochs of AdamW.
_base_ = ['../datasets/pet.py', '../schedules/scratch.py', '../default_runtime.py']
