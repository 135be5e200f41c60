# The same at 196 x 196: 14 x 14 patches of 14 pixels.
_base_ = './pet.py'
size = dict(scale=(196, 196))
train_pipeline = [dict(step, **size) if step.type == 'Resize' else step for step in _base_.train_pipeline]
test_pipeline = [dict(step, **size) if step.type == 'Resize' else step for step in _base_.test_pipeline]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=8, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
