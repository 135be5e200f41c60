# An iteration-based loop: scores and a checkpoint ten times; a leaf config, or a schedule on this one, sets the optimizer.
optim_wrapper = dict(type='OptimWrapper')
train_cfg = dict(type='IterBasedTrainLoop', max_iters=80000, val_interval=8000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
log_processor = dict(by_epoch=False)
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='mmseg_vitseg.AtomicCheckpointHook', by_epoch=False, interval=8000, max_keep_ckpts=2, save_best='mIoU'
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    seed=dict(type='mmseg_vitseg.SeedHook'),
    finite_loss=dict(type='mmseg_vitseg.FiniteLossHook'),
)
