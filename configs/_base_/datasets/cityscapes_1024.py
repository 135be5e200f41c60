# The same in crops of 1024 x 1024.
_base_ = './cityscapes.py'
crop_size = (1024, 1024)
changes = dict(
    Resize=dict(scale=(2048, 1024)), RandomResize=dict(scale=(2048, 1024)), RandomCrop=dict(crop_size=crop_size)
)
train_pipeline = [dict(step, **changes.get(step.type, {})) for step in _base_.train_pipeline]
test_pipeline = [dict(step, **changes.get(step.type, {})) for step in _base_.test_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
