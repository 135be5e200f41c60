# The same at 196 x 196: 14 x 14 patches of 14 pixels.
_base_ = './pet.py'
resize = dict(_base_.resize, scale=(196, 196))
train_pipeline = [resize if step.type == 'Resize' else step for step in _base_.train_pipeline]
test_pipeline = [resize if step.type == 'Resize' else step for step in _base_.test_pipeline]
load_image, augment = _base_.tta_pipeline
tta_pipeline = [load_image, dict(augment, transforms=[[resize], *augment.transforms[1:]])]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=8, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
