"""The model whose backbone's features are kept: frozen, with the weights that a training would start with."""

import torch
from mmengine.config import Config
from mmseg.models.data_preprocessor import SegDataPreProcessor as HostPreprocessor
from torch import nn

from mmseg_vitseg.checkpoints.load_from import checked_file, read_all_checkpoints
from mmseg_vitseg.config.building import build_model
from mmseg_vitseg.config.devices import is_sharded
from mmseg_vitseg.machine import set_matmul_precision
from mmseg_vitseg.models.backbone import Backbone
from mmseg_vitseg.models.data_preprocessor import SegDataPreProcessor


def starting_model(cfg: Config, device: str | torch.device) -> nn.Module:
    """Build a config's model, its backbone with the weights that a training starts with.

    Raises:
        ValueError: its backbone is not frozen, or begins with random weights; its data preprocessor is another project's.
    """
    if precision := cfg.get('float32_matmul_precision'):
        set_matmul_precision(precision)
    if is_sharded(cfg):
        raise ValueError(
            f'{cfg.filename}: its strategy shards the model, whose weights are then not together; take it out'
        )
    read_all_checkpoints()
    model = build_model(cfg)
    _check(model, cfg.filename)
    init_cfg = model.backbone.init_cfg
    if isinstance(init_cfg, dict) and init_cfg.get('type') == 'Pretrained':
        model.backbone.init_weights()
    elif not cfg.get('load_from'):
        raise ValueError(
            f'{cfg.filename}: its backbone begins with random weights, others in each training; name a file: '
            'model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=FILE, or load_from=CHECKPOINT'
        )
    if cfg.get('load_from'):
        content = checked_file(cfg.load_from, model).content
        assert content is not None
        model.load_state_dict(content['state_dict'], strict=False)  # the host's way, of what has been checked
    return model.to(device)


def _check(model: nn.Module, name: str) -> None:
    backbone, preprocessor = getattr(model, 'backbone', None), model.data_preprocessor
    if not isinstance(backbone, Backbone) or not backbone.frozen:
        kind = f'mmseg_vitseg.{type(backbone).__name__}' if isinstance(backbone, Backbone) else type(backbone).__name__
        raise ValueError(
            f'{name}: model.backbone is {kind}, not frozen, so that its features change while it trains; allowed: a '
            'backbone of mmseg_vitseg with frozen=True'
        )
    if type(preprocessor) not in (SegDataPreProcessor, HostPreprocessor) or preprocessor.batch_augments is not None:
        raise ValueError(
            f"{name}: model.data_preprocessor is {type(preprocessor).__name__}; allowed: the host's SegDataPreProcessor or "
            'ours, without batch_augments'
        )
