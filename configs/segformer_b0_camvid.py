"""SegFormer-B0 on CamVid, 11 classes, from scratch, at CPU size.

Measured on 367 + 101 pictures of 480 x 360, 2 CPU cores: mIoU 51.85, aAcc 87.92 after 75 epochs, 63 min on a machine that
did other work too (0.64 s a step of 8 crops when it did not, which makes 40), 1.48 GB.
`CAMVID_ROOT=DIR python tools/train.py configs/segformer_b0_camvid.py`
"""

_base_ = ['_base_/models/segformer.py', '_base_/recipes/scratch_camvid.py']
model = dict(decode_head=dict(num_classes=11))
