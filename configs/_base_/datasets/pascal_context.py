# Pascal Context, 59 classes and background, crops of 480 x 480; two images a GPU (eight GPUs: batches of 16).
_base_ = './crops.py'
crop_size = (480, 480)
changes = dict(Resize=dict(scale=(520, 520)), RandomResize=dict(scale=(520, 520)), RandomCrop=dict(crop_size=crop_size))
train_pipeline = [dict(step, **changes.get(step.type, {})) for step in _base_.train_pipeline]
test_pipeline = [dict(step, **changes.get(step.type, {})) for step in _base_.test_pipeline]
data = dict(
    type='PascalContextDataset',
    data_root='{{$PASCAL_CONTEXT_ROOT:data/VOCdevkit/VOC2010}}',
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassContext'),
)
train_dataloader = dict(
    dataset=dict(data, ann_file='ImageSets/SegmentationContext/train.txt', pipeline=train_pipeline),
)
val_dataloader = dict(
    dataset=dict(data, ann_file='ImageSets/SegmentationContext/val.txt', pipeline=test_pipeline),
)
test_dataloader = val_dataloader
