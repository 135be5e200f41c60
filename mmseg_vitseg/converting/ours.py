"""A file's weights under our names: all of a backbone or a model, or exactly what a config's model has."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from mmseg_vitseg.architectures import VITS
from mmseg_vitseg.checkpoints.accounting import account_for
from mmseg_vitseg.checkpoints.fitting import Options
from mmseg_vitseg.checkpoints.loading import pretrained_head
from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.sources import Renamed, to_our_names
from mmseg_vitseg.checkpoints.values import not_finite, refuse_not_finite
from mmseg_vitseg.checkpoints.which_model import vit_of
from mmseg_vitseg.config.building import build_model
from mmseg_vitseg.config.reading import ConfigError, read_config
from mmseg_vitseg.converting.completeness import refuse_incomplete
from mmseg_vitseg.errors import listed
from mmseg_vitseg.models.backbone import Backbone
from mmseg_vitseg.models.segmentor import EncoderDecoder


def complete(weights: dict[str, Tensor], source: str, src: str | Path) -> Renamed:
    """Return all weights under our names, of a backbone without prefix; refuse what the map does not know."""
    with naming(src):
        renamed = _without_foreign_biases(to_our_names(weights, None, source=source))
        if renamed.left:
            raise ValueError(f'{renamed.source.what} has no {listed(renamed.left)}; nothing was written')
        prefix = 'backbone.'
        backbone = {
            name.removeprefix(prefix): value for name, value in renamed.weights.items() if name.startswith(prefix)
        }
        whole = len(backbone) < len(renamed.weights)
        native = renamed.weights if whole else backbone
        refuse_incomplete(backbone, renamed.dropped, whole=whole)
        refuse_not_finite(not_finite(native), native)
    return replace(renamed, weights=native)


def _without_foreign_biases(renamed: Renamed) -> Renamed:
    """Take back the zeros for queries' and values' biases, where the model that the file is of has none: DINOv3-7B."""
    biases = [name for name in renamed.added if name.endswith(('.q_bias', '.v_bias'))]
    backbone = {name.removeprefix('backbone.'): value for name, value in renamed.weights.items()}
    variant = vit_of(backbone) if biases else None
    if variant is None or VITS[variant].qkv_bias:
        return renamed
    weights = {name: value for name, value in renamed.weights.items() if name not in biases}
    return replace(renamed, weights=weights, added=[name for name in renamed.added if name not in biases])


def fitted_to(
    weights: dict[str, Tensor], source: Source, model: nn.Module, src: str | Path, options: Options, head: Path | None
) -> Renamed:
    """Return the weights as the model has them, or its backbone where the file has no more and no head is given."""
    if source.has_head(weights):
        if head is not None:
            raise ValueError(f'{src}: has a head already; --head joins one to a backbone without')
        fitted = account_for(model, weights, src, model.from_scratch, options)
    else:
        fitted = account_for(model.backbone, weights, src, options=replace(options, pretrained=True))
        if head is not None:
            parts = dict(backbone=fitted.weights, decode_head=pretrained_head(model.decode_head, head))
            joined = {f'{part}.{name}': value for part, of_it in parts.items() for name, value in of_it.items()}
            whole = account_for(model, joined, src, model.from_scratch)
            fitted = replace(whole, dropped=fitted.dropped, added=fitted.added)
    # what starts from scratch has no values
    return replace(fitted, weights={name: one for name, one in fitted.weights.items() if name not in fitted.scratch})


def segmentor_without_weights(config: str | Path, options: dict | None = None) -> nn.Module:
    """Build a config's model without memory for its weights, where that goes.

    Raises:
        FileNotFoundError, ValueError: there is no such config, or it cannot be built.
    """
    cfg = read_config(config, options)
    if 'model' in cfg:
        cfg.model.data_preprocessor = None
    try:
        with torch.device('meta'):
            model = build_model(cfg)
    except ConfigError as error:
        if not isinstance(error.__cause__, RuntimeError):
            raise
        model = build_model(cfg)  # a few of the host's heads read numbers off tensors while they are built
    if not isinstance(model, EncoderDecoder) or not isinstance(model.backbone, Backbone):
        raise ValueError(f'{config}: its model is no mmseg_vitseg.EncoderDecoder with a backbone of this package')
    return model


@contextmanager
def naming(src: str | Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f'{src}: {error}') from error
