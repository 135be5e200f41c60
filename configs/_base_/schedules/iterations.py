# An iteration-based loop: scores and a checkpoint ten times; a file on it sets the optimizer.
_base_ = './loop.py'
train_cfg = dict(type='IterBasedTrainLoop', max_iters=80000, val_interval=8000)
log_processor = dict(by_epoch=False)
default_hooks = dict(
    logger=dict(interval=50, log_metric_by_epoch=False), checkpoint=dict(by_epoch=False, interval=8000)
)
