"""The same idea at CPU size."""

_base_ = ['vit_linear_pet.py']
model = dict(
    backbone=dict(
        variant='tiny',
        num_layers=8,
        num_heads=3,
        patch_size=8,
        attn_drop_rate=0.0,
        mlp_drop_rate=0.1,
        drop_path_rate=0.1,
    ),
    decode_head=dict(in_channels=192, patch_size=8),
)
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.05))
train_cfg = dict(max_epochs=40)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=2, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', by_epoch=True, begin=2, end=40, convert_to_iter_based=True),
]
