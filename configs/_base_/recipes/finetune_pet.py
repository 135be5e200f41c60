# A pretrained backbone on Oxford-IIIT Pet at 196 x 196: 4 epochs of AdamW.
_base_ = ['../datasets/pet_196.py', '../schedules/finetune.py', '../default_runtime.py']
