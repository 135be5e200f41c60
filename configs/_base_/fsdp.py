# Beside another config, as its second base: each GPU holds a share of the gradients and optimizer states, between steps of
# the weights too; activations of a block are computed again in the backward pass. docs/gpus.md
runner_type = 'FlexibleRunner'
strategy = dict(
    type='mmseg_vitseg.FSDPStrategy',
    model_wrapper=dict(
        type='MMFullyShardedDataParallel',
        auto_wrap_policy='mmseg_vitseg.wrap_blocks',
        sharding_strategy='SHARD_GRAD_OP',
    ),
    activation_checkpointing=dict(check_fn='mmseg_vitseg.is_block'),
    state_dict_cfg='full',  # one file, which every tool reads
)
