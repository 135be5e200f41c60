"""SETR-PUP, ViT-L/16, ADE20K, with weights, gradients and optimizer states shared out among the GPUs.

Not run on several GPUs. docs/gpus.md

tools/dist_train.sh configs/setr_pup_ade20k_fsdp.py 8
"""

_base_ = ['setr_pup_ade20k.py', '_base_/fsdp.py']
