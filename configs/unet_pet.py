"""The host's U-Net at half its usual width, from scratch: a CNN to compare with."""

_base_ = ['fcn_pet.py']
model = dict(
    backbone=dict(_delete_=True, type='UNet', base_channels=32, norm_cfg=dict(type='SyncBN', requires_grad=True)),
    decode_head=dict(in_channels=32, channels=32, num_convs=1),
)
train_cfg = dict(max_epochs=4)  # about as long as the FCN's ten
param_scheduler = [{**step, 'end': min(step['end'], 4)} for step in _base_.param_scheduler]
