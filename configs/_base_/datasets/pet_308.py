# The same at 308 x 308, 22 x 22 patches of 14 pixels; trained on crops of pictures that are made smaller or larger.
_base_ = './pet.py'
resize = dict(_base_.resize, scale=(308, 308))
jitter = [
    dict(type='RandomResize', scale=(308, 308), ratio_range=(0.8, 1.5), keep_ratio=False),
    dict(type='RandomCrop', crop_size=(308, 308)),
]
train_pipeline = [*_base_.train_pipeline[:2], *jitter, *_base_.train_pipeline[3:]]
test_pipeline = [resize if step.type == 'Resize' else step for step in _base_.test_pipeline]
load_image, augment = _base_.tta_pipeline
tta_pipeline = [load_image, dict(augment, transforms=[[resize], *augment.transforms[1:]])]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=8, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
