# Oxford-IIIT Pet at 128 x 128, aspect not kept, as in the article. Scores are taken at the pictures' own size.
load_image = dict(
    type='LoadImageFromFile', _scope_='mmseg_vitseg'
)  # ours, under the name that the host's inference knows
load_mask = dict(type='LoadAnnotations', _scope_='mmseg_vitseg', values=(1, 2, 3))
resize = dict(type='Resize', scale=(128, 128), keep_ratio=False)
train_pipeline = [
    load_image,
    load_mask,
    resize,
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
test_pipeline = [load_image, resize, load_mask, dict(type='PackSegInputs')]
tta_pipeline = [
    load_image,
    dict(
        type='TestTimeAug',
        transforms=[
            [resize],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [load_mask],
            [dict(type='PackSegInputs')],
        ],
    ),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmseg_vitseg.OxfordPetDataset',
        data_root='{{$PET_ROOT:data/oxford-iiit-pet}}',
        ann_file='annotations/trainval.txt',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    train_dataloader,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(train_dataloader['dataset'], ann_file='annotations/test.txt', pipeline=test_pipeline, test_mode=True),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
