# A linear probe on Oxford-IIIT Pet at 196 x 196.
_base_ = ['../datasets/pet_196.py', '../schedules/linear.py', '../default_runtime.py']
