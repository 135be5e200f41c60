# Beside another config, as its second base: each GPU holds a share of the weights, gradients and optimizer states, and
# activations of a block are computed again in the backward pass. docs/several_gpus.md
runner_type = 'FlexibleRunner'
strategy = dict(
    type='mmseg_vitseg.FSDPStrategy',
    model_wrapper=dict(type='MMFullyShardedDataParallel', auto_wrap_policy='mmseg_vitseg.wrap_blocks'),
    activation_checkpointing=dict(check_fn='mmseg_vitseg.is_block'),
    state_dict_cfg='full',  # one file, which every tool reads
)
