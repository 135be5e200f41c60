# A pretrained backbone on CamVid, in crops of 322 x 252: 4 epochs of AdamW, scores after each second.
_base_ = ['../datasets/camvid_14.py', '../schedules/finetune.py', '../default_runtime.py']
train_cfg = dict(val_interval=2)
