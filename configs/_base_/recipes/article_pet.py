# "Efficient image segmentation, part 4", on Oxford-IIIT Pet at 128 x 128: 50 epochs of Adam. The batch size is ours.
_base_ = ['../datasets/pet.py', '../schedules/epochs.py', '../default_runtime.py']
optim_wrapper = dict(optimizer=dict(type='Adam', lr=4e-4))
train_cfg = dict(max_epochs=50)
param_scheduler = [dict(type='StepLR', step_size=12, gamma=0.8, by_epoch=True)]
default_hooks = dict(progress=dict(type='mmseg_vitseg.PredictionProgressHook'))
