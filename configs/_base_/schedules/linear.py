# A linear probe of a small data set: 10 epochs of AdamW, warm-up, linear decay. Of learning rates from 1e-3 to 1e-2 and of
# 5, 10 and 20 epochs, these were best for heads on kept features, on a fifth of the training pictures of Pet and of CamVid.
_base_ = './epochs.py'
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-2, weight_decay=1e-3))
train_cfg = dict(max_epochs=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='PolyLR', eta_min=0.0, power=1.0, by_epoch=True, begin=0, end=10, convert_to_iter_based=True),
]
default_hooks = dict(progress=dict(type='mmseg_vitseg.PredictionProgressHook'))
