"""A file's weights under a module's names and in its sizes, as far as they can be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmseg_vitseg.architectures import Resizable
from mmseg_vitseg.checkpoints.maps.ours import AS_IS
from mmseg_vitseg.checkpoints.maps.source import SEGMENTOR
from mmseg_vitseg.checkpoints.prefixes import unwrapped
from mmseg_vitseg.checkpoints.sizes import fit_patches, fit_positions, reshape_kernel
from mmseg_vitseg.checkpoints.sources import Renamed, to_our_names
from mmseg_vitseg.checkpoints.which_model import model_of
from mmseg_vitseg.ops.rotary import rotary_periods

# What a backbone may lack and a pretrained file have: SETR takes no final norm, SETR-MLA no class token.
PRETRAINED_UNUSED = ('norm.weight', 'norm.bias', 'cls_token')


@dataclass(frozen=True)
class Options:
    """How weights may be taken and changed, so that they fit.

    Args:
        source: the format; ``auto`` tells it from the names.
        prefix: what stands before the model's names, where several models are there; see
            :func:`~mmseg_vitseg.checkpoints.prefixes.unwrapped`.
        resize_patches: resize a ViT's patch kernel to the module's patch size.
        adapt_channels: change the first kernel to the module's number of input channels.
        pretrained: drop what the backbone does not have of ``PRETRAINED_UNUSED``, and whole models' other parts.
    """

    source: str = 'auto'
    prefix: str | None = None
    resize_patches: bool = False
    adapt_channels: bool = False
    pretrained: bool = False


@dataclass(frozen=True)
class Fitted(Renamed):
    """A file's weights under a module's names and in its sizes.

    Args:
        prefix: what stands before the backbone's names in the module.
        model: what model the file is of, None where that is not known.
        scratch: names of what is the module's own value, to start from scratch.
    """

    prefix: str
    model: str | None
    scratch: list[str] = field(default_factory=list)


def fit_to(module: nn.Module, weights: dict[str, Tensor], path: str | Path, options: Options = Options()) -> Fitted:
    """Put weights under a module's names and in its sizes, and say what was dropped, added and resized.

    What has the module's names and shapes stays as it is: so a file is converted once, however many modules of a model see
    its weights while they are loaded.

    Args:
        module: a segmentor or a backbone. Position grids are resized to its own.
        weights: parameter name -> tensor, under the names of any source that checkpoints/ knows.
        path: named in what is said.
        options: see there.

    Raises:
        ValueError: the source is not recognised, or several models are there.
    """
    own = module.state_dict()
    prefix = 'backbone.' if any(name.startswith('backbone.') for name in own) else ''
    if options.prefix is None and options.source in ('auto', AS_IS.name) and _are_part_of(own, weights):
        return Fitted(dict(weights), [], [], [], AS_IS, prefix, model_of(weights, prefix))
    weights = unwrapped(weights, own, path, options.prefix)
    try:
        renamed = to_our_names(weights, own, prefix, options.source)
    except ValueError as error:
        raise type(error)(f'{path}: {error}') from error
    unused = _unused(renamed, own, prefix, options)
    dropped = renamed.dropped + unused
    if dropped:
        print_log(f'{path}: dropped what the model does not use: {", ".join(dropped)}', logger='current')
    if renamed.added:
        print_log(f'{path}: left out {", ".join(renamed.added)}: zero here, which is the same.', logger='current')
    native = {name: value for name, value in renamed.weights.items() if name not in unused}
    sized = _in_its_sizes(native, f'{prefix}cls_token' in renamed.weights, module, prefix, path, options)
    sized |= _periods(native, module, prefix, path)
    return Fitted(sized, renamed.left, dropped, renamed.added, renamed.source, prefix, model_of(native, prefix))


def _are_part_of(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> bool:
    """Tell whether all weights have a module's names and shapes."""
    return all(name in own and value.shape == own[name].shape for name, value in weights.items())


def _unused(renamed: Renamed, own: Mapping[str, Tensor], prefix: str, options: Options) -> list[str]:
    """Return what a file may have, and has, that a module does not use."""
    may_lack = {prefix + name for name in (*renamed.source.unused, *(PRETRAINED_UNUSED if options.pretrained else ()))}
    outside = SEGMENTOR if options.pretrained else ()
    return [name for name in renamed.weights if name not in own and (name in may_lack or name.startswith(outside))]


def _periods(weights: Mapping[str, Tensor], module: nn.Module, prefix: str, path: str | Path) -> dict[str, Tensor]:
    """Return the periods of rotary positions for a file that has none, as is usual; say where a file has others."""
    name = f'{prefix}rope.periods'
    own = module.state_dict().get(name)
    if own is None:
        return {}
    usual = rotary_periods(module.get_submodule(f'{prefix}rope').base, 4 * len(own))
    if name not in weights:
        return {name: usual}
    if (
        weights[name].shape == usual.shape
        and not weights[name].is_meta
        and not torch.equal(weights[name].to(usual), usual)
    ):
        print_log(f"{path}: the periods of positions are the file's, as it has them rounded", logger='current')
    return {}


def _in_its_sizes(
    weights: dict[str, Tensor], has_token: bool, module: nn.Module, prefix: str, path: str | Path, options: Options
) -> dict[str, Tensor]:
    """Return weights with positions, patches and kernels as a module has them, where they can be made so."""
    own, sized = module.state_dict(), dict(weights)
    backbone = module.get_submodule(prefix.rstrip('.'))
    if isinstance(backbone, Resizable):
        positions, kernel = f'{prefix}pos_embed', prefix + backbone.first_kernel
        if positions in own and positions in weights and weights[positions].ndim == 3:
            sized[positions] = fit_positions(weights[positions], has_token, backbone, str(path))
        if kernel in weights and (options.resize_patches or options.adapt_channels):
            sized[kernel] = fit_patches(
                weights[kernel],
                own[kernel],
                backbone.first_kernel_size,
                resize=options.resize_patches,
                adapt=options.adapt_channels,
            )
    return {name: reshape_kernel(value, own.get(name)) for name, value in sized.items()}
