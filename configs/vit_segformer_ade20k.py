"""SegFormer's all-MLP decoder on a plain ViT-B/16, ADE20K, in SegFormer's schedule: no published figure; not measured here.

tools/dist_train.sh configs/vit_segformer_ade20k.py 8
"""

_base_ = [
    '_base_/models/vit_segformer.py',
    '_base_/datasets/ade20k.py',
    '_base_/schedules/segformer_160k.py',
    '_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size, size_divisor=None),
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer',
        img_size=_base_.crop_size,
        norm_cfg=dict(type='LN', eps=1e-6),
        init_cfg=dict(type='Pretrained', checkpoint='{{$PRETRAINED:pretrain/vit_base_patch16_384.safetensors}}'),
    ),
    decode_head=dict(in_channels=[768] * 4, num_classes=150),
    test_cfg=dict(mode='slide', crop_size=_base_.crop_size, stride=(341, 341)),
)
