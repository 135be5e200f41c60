# EoMT on CamVid for twice as long: 8 epochs of crops of 322 x 252.
_base_ = './eomt_camvid.py'
train_cfg = dict(max_epochs=8)
