# Cityscapes, 19 classes, crops of 768 x 768; one image a GPU (eight GPUs: batches of 8).
_base_ = './crops.py'
crop_size = (768, 768)
changes = dict(
    Resize=dict(scale=(2049, 1025)), RandomResize=dict(scale=(2049, 1025)), RandomCrop=dict(crop_size=crop_size)
)
train_pipeline = [dict(step, **changes.get(step.type, {})) for step in _base_.train_pipeline]
test_pipeline = [dict(step, **changes.get(step.type, {})) for step in _base_.test_pipeline]
data = dict(type='CityscapesDataset', data_root='{{$CITYSCAPES_ROOT:data/cityscapes}}')
train_dataloader = dict(
    batch_size=1,
    dataset=dict(
        data, data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'), pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    dataset=dict(data, data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'), pipeline=test_pipeline),
)
test_dataloader = val_dataloader
