# What epoch-based and iteration-based loops share.
optim_wrapper = dict(type='OptimWrapper')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook'),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='mmseg_vitseg.AtomicCheckpointHook', max_keep_ckpts=2, save_best='mIoU'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    seed=dict(type='mmseg_vitseg.SeedHook'),
    finite_loss=dict(type='mmseg_vitseg.FiniteLossHook'),
)
