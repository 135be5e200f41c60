# EoMT's training: lower rates below the blocks with queries, weight decay on everything, heads warmed up before the ViT,
# masks taken away block by block. The recipe sets the length.
_base_ = './iterations.py'
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='float16',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.05),
    constructor='mmseg_vitseg.ViTLayerDecayConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.8, rule='eomt', decay_all=True),
    clip_grad=dict(max_norm=0.01),
)
param_scheduler = [
    dict(type='mmseg_vitseg.TwoStageWarmUpPolyLR', head_steps=500, backbone_steps=1000, power=0.9, by_epoch=False)
]
default_hooks = dict(mask_annealing=dict(type='mmseg_vitseg.MaskAnnealingHook'))
