# The same in crops of 512 x 512, of whole pictures at their own size; two images a GPU (eight GPUs: batches of 16).
_base_ = './cityscapes_1024.py'
crop_size = (512, 512)
train_pipeline = [
    dict(step, crop_size=crop_size) if step.type == 'RandomCrop' else step for step in _base_.train_pipeline
]
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=train_pipeline))
