"""The same idea at CPU size."""

_base_ = ['vit_linear_pet.py']
model = dict(
    backbone=dict(variant='tiny', num_heads=3, patch_size=8, attn_drop_rate=0.0, mlp_drop_rate=0.1, drop_path_rate=0.1),
    decode_head=dict(in_channels=192, patch_size=8),
)
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.05))
