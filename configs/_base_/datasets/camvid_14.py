# The same in multiples of 14, a patch: crops of 322 x 252, tested at 490 x 364. Scores are taken at the pictures' own size.
_base_ = './camvid.py'
resize = dict(type='Resize', scale=(490, 364), keep_ratio=False)
train_pipeline = [
    dict(step, crop_size=(252, 322)) if step.type == 'RandomCrop' else step for step in _base_.train_pipeline
]
load_image, load_mask, pack = _base_.test_pipeline
test_pipeline = [load_image, resize, load_mask, pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
