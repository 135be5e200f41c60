# The same in crops of 1024 x 1024.
_base_ = './cityscapes.py'
crop_size = (1024, 1024)
sizes = dict(
    Resize=dict(scale=(2048, 1024)), RandomResize=dict(scale=(2048, 1024)), RandomCrop=dict(crop_size=crop_size)
)
train_dataloader = dict(
    dataset=dict(
        pipeline=[{**step, **sizes.get(step['type'], {})} for step in _base_.train_dataloader.dataset.pipeline]
    )
)
val_dataloader = dict(
    dataset=dict(pipeline=[{**step, **sizes.get(step['type'], {})} for step in _base_.val_dataloader.dataset.pipeline])
)
test_dataloader = val_dataloader
