# SETR's 80,000 iterations: SGD, polynomial decay, ten times the learning rate in whatever has "head" in its name. The
# learning rate is the recipe's.
_base_ = './iterations.py'
optim_wrapper = dict(
    optimizer=dict(type='SGD', momentum=0.9, weight_decay=0.0),
    constructor='mmseg_vitseg.DefaultOptimWrapperConstructor',
    paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=10.0))),
)
param_scheduler = [dict(type='PolyLR', eta_min=1e-4, power=0.9, begin=0, end=80000, by_epoch=False)]
