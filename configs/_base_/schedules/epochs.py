# An epoch-based loop: scores after each epoch, the best checkpoint kept; a leaf config sets the optimizer and max_epochs.
optim_wrapper = dict(type='OptimWrapper')
train_cfg = dict(type='EpochBasedTrainLoop', val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
log_processor = dict(by_epoch=True)
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=10, log_metric_by_epoch=True),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='mmseg_vitseg.AtomicCheckpointHook', interval=1, max_keep_ckpts=2, save_best='mIoU'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    seed=dict(type='mmseg_vitseg.SeedHook'),
    finite_loss=dict(type='mmseg_vitseg.FiniteLossHook'),
)
