"""A config for the devices that it runs on."""

import torch
from mmengine.config import Config
from mmengine.logging import print_log

from mmseg_vitseg.config.parts import nested, type_name

SYNCHRONISED = ('SyncBN', 'MMSyncBN', 'SyncBatchNorm')  # batch norms over all processes: mmengine's, mmcv's, torch's


def fit_to_devices(cfg: Config) -> None:
    """Make a config fit what it runs on: plain batch norm without a group of GPUs; gloo between processes on the CPU."""
    distributed, cuda = cfg.launcher != 'none', torch.cuda.is_available()
    synchronised = [node for _, node in nested(cfg.get('model'), 'model') if type_name(node) in SYNCHRONISED]
    if synchronised and not (distributed and cuda):
        print_log('No process group of GPUs: every SyncBN of the config is a BN in this run.', logger='current')
        for node in synchronised:
            node['type'] = 'BN'
    if distributed and not cuda:
        cfg.env_cfg.dist_cfg = dict(backend='gloo')
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,  # the host's default names a GPU
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        )
    if is_sharded(cfg) and not cuda:
        cfg.strategy.model_wrapper = {**(cfg.strategy.get('model_wrapper') or {}), 'device_id': 'cpu'}
        if cfg.strategy.get('state_dict_cfg') == 'full':
            # torch crashes where gathered weights are already where they are to be moved to
            cfg.strategy.state_dict_cfg = dict(
                state_dict_type='FULL_STATE_DICT',
                state_dict_config=dict(type='FullStateDictConfig', offload_to_cpu=False),
                optim_state_dict_config=dict(type='FullOptimStateDictConfig', offload_to_cpu=False),
            )


def is_sharded(cfg: Config) -> bool:
    """Tell whether a config shards its model over processes: FSDP."""
    return 'FSDP' in str((cfg.get('strategy') or {}).get('type'))
