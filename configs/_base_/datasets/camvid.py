# CamVid, 11 classes, pictures of 480 x 360, crops of 320 x 256. Scores are taken at the pictures' own size.
_base_ = './crops.py'
data = dict(type='mmseg_vitseg.CamVidDataset', data_root='{{$CAMVID_ROOT:data/camvid}}')
load_image = dict(
    type='LoadImageFromFile', _scope_='mmseg_vitseg'
)  # ours, under the name that the host's inference knows
load_mask = dict(type='LoadAnnotations', _scope_='mmseg_vitseg', values=tuple(range(12)))
steps = dict(
    LoadImageFromFile=load_image,
    LoadAnnotations=load_mask,
    RandomResize=dict(type='RandomResize', scale=(480, 360), ratio_range=(0.5, 2.0), keep_ratio=True),
    RandomCrop=dict(type='RandomCrop', crop_size=(256, 320), cat_max_ratio=0.75),
)
train_pipeline = [steps.get(step.type, step) for step in _base_.train_pipeline]
test_pipeline = [load_image, load_mask, dict(type='PackSegInputs')]
tta_pipeline = [
    load_image,
    dict(
        type='TestTimeAug',
        transforms=[*_base_.tta_pipeline[1].transforms[:2], [load_mask], [dict(type='PackSegInputs')]],
    ),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    sampler=dict(type='DefaultSampler'),
    dataset=dict(
        data, data_prefix=dict(img_path='images/train', seg_map_path='annotations/train'), pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        data,
        data_prefix=dict(img_path='images/val', seg_map_path='annotations/val'),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
