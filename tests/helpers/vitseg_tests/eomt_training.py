"""A small EoMT on drawn shapes, from scratch, with all of its recipe: what trains it in a few seconds."""

from vitseg_tests.paths import config_path

VIT = dict(
    type='mmseg_vitseg.VisionTransformer',
    embed_dims=16,
    num_layers=4,
    num_heads=2,
    img_size=32,
    patch_size=8,
    final_norm=True,
    num_registers=1,
)
EOMT = dict(
    type='mmseg_vitseg.EoMT',
    data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3, size_divisor=1),
    backbone=VIT,
    decode_head=dict(
        type='mmseg_vitseg.EoMTHead', num_classes=4, num_queries=6, num_blocks=2, loss=dict(num_points=64)
    ),
    test_cfg=dict(mode='whole'),
)

# with a loop of iterations, 8 of them
TRAINING = f"""
_base_ = {str(config_path('quickstart'))!r}
model = dict(_delete_=True, **{EOMT!r})
train_dataloader = dict(batch_size=2, sampler=dict(type='InfiniteSampler'), dataset=dict(size=32))
val_dataloader, val_cfg, val_evaluator = None, None, None
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=8)
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    constructor='mmseg_vitseg.ViTLayerDecayConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.5, rule='eomt', decay_all=True),
    clip_grad=dict(max_norm=0.01),
)
param_scheduler = [
    dict(type='mmseg_vitseg.TwoStageWarmUpPolyLR', head_steps=1, backbone_steps=2, by_epoch=False)
]
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=5, save_best=None),
    logger=dict(interval=1),
    mask_annealing=dict(type='mmseg_vitseg.MaskAnnealingHook'),
    progress=None,
)
"""
