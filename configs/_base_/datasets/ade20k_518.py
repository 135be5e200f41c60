# The same in crops of 518 x 518: 37 x 37 patches of 14 pixels, DINOv2's own grid.
_base_ = './ade20k.py'
crop_size = (518, 518)
changes = dict(
    Resize=dict(scale=(2072, 518)), RandomResize=dict(scale=(2072, 518)), RandomCrop=dict(crop_size=crop_size)
)
train_pipeline = [dict(step, **changes.get(step.type, {})) for step in _base_.train_pipeline]
test_pipeline = [dict(step, **changes.get(step.type, {})) for step in _base_.test_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
