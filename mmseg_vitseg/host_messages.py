"""What the host says about itself whenever it is used, and a user can do nothing about: the one list of what is hidden."""

# Lines that it prints while it is imported.
PRINTED = ('Could not import OneDL',)  # a service of its makers

# Warnings, by how they begin.
WARNINGS = (
    'Fail to import ``MultiScaleDeformableAttention``',
    'Default ``avg_non_ignore`` is False',
    '``build_loss`` would be deprecated',
    '``build_pixel_sampler`` would be deprecated',
    '`reduce_zero_label` will be deprecated',
    'The shape of value will convert',
    'Setting MKL_NUM_THREADS environment variable',
    'FSDP.state_dict_type',
    'Mean of empty slice',
    'The draw is False',
)

# Log messages, by how they begin, that are for the log file only. The long ones: machine, config, hooks. The others are
# about the host's own code, at every start.
LOG_FILE_ONLY = (
    f'\n{"-" * 60}\nSystem environment:',
    'Config:\n',
    'Hooks will be executed in the following order:',
    'Distributed training is not used, all SyncBatchNorm',
    'Exp name: ',
    'Failed to search registry with scope ',  # not every scope has every registry; a wrong type is an error
    'The prefix is not set in metric class',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
)
