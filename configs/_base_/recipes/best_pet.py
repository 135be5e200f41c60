# EoMT on Oxford-IIIT Pet for twice as long, at 308 x 308: 8 epochs, scores after each second.
_base_ = ['../datasets/pet_308.py', '../schedules/eomt_small.py', '../default_runtime.py']
train_cfg = dict(max_epochs=8, val_interval=2)
