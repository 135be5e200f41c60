# The same on a small data set: 4 epochs, a shorter warm-up, five times the learning rate in the head.
_base_ = './epochs.py'
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.05),
    constructor='mmseg_vitseg.ViTLayerDecayConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.8, rule='eomt', decay_all=True, head_lr_mult=5.0),
    clip_grad=dict(max_norm=0.01),
)
train_cfg = dict(max_epochs=4)
param_scheduler = [
    dict(type='mmseg_vitseg.TwoStageWarmUpPolyLR', head_steps=10, backbone_steps=20, power=0.9, by_epoch=False)
]
default_hooks = dict(
    mask_annealing=dict(type='mmseg_vitseg.MaskAnnealingHook'),
    progress=dict(type='mmseg_vitseg.PredictionProgressHook'),
)
