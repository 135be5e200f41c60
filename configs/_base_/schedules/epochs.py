# An epoch-based loop: scores after each epoch, the best checkpoint kept; a file on it sets the optimizer and max_epochs.
_base_ = './loop.py'
train_cfg = dict(type='EpochBasedTrainLoop', val_interval=1)
log_processor = dict(by_epoch=True)
default_hooks = dict(logger=dict(interval=10, log_metric_by_epoch=True), checkpoint=dict(interval=1))
