# ADE20K, 150 classes, crops of 512 x 512; two images a GPU (eight GPUs: batches of 16).
_base_ = './crops.py'
crop_size = (512, 512)
changes = dict(
    Resize=dict(scale=(2048, 512)), RandomResize=dict(scale=(2048, 512)), RandomCrop=dict(crop_size=crop_size)
)
data = dict(type='ADE20KDataset', data_root='{{$ADE20K_ROOT:data/ade/ADEChallengeData2016}}')
train_pipeline = [{**step, **changes.get(step['type'], {})} for step in _base_.train_pipeline]
test_pipeline = [{**step, **changes.get(step['type'], {})} for step in _base_.test_pipeline]
train_dataloader = dict(
    dataset=dict(
        data,
        data_prefix=dict(img_path='images/training', seg_map_path='annotations/training'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data,
        data_prefix=dict(img_path='images/validation', seg_map_path='annotations/validation'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
