"""EoMT on DINOv3-L, ADE20K: published mIoU 59.5.

The paper's recipe: twice the learning rate, no layer decay, 16 epochs. The crops are the host's, the phases of annealing go
by the length, the warm-up is DINOv2's (the authors' file has 2,000 and 3,000 iterations). Not measured here.

tools/dist_train.sh configs/eomt_dinov3_l_ade20k.py 8
"""

_base_ = ['_base_/models/eomt.py', '_base_/models/dino.py', '_base_/recipes/eomt_ade20k.py']
model = dict(
    _base_.pop('at_crops'),
    backbone=dict(_base_.pop('dino').dinov3_l, img_size=_base_.crop_size),
    decode_head=dict(num_classes=150),
)
optim_wrapper = dict(optimizer=dict(lr=2e-4), paramwise_cfg=dict(layer_decay_rate=1.0))
train_cfg = dict(max_iters=16 * 1263)
