"""From a checkpoint file of any source to one of ours, or of another project's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from mmseg_vitseg import __version__
from mmseg_vitseg.architectures import VITS
from mmseg_vitseg.atomic import whole
from mmseg_vitseg.checkpoints.accounting import account_for
from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.checkpoints.fitting import Options
from mmseg_vitseg.checkpoints.loading import pretrained_head
from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.prefixes import unwrapped
from mmseg_vitseg.checkpoints.reading import read_state_dict
from mmseg_vitseg.checkpoints.sharded import files_of
from mmseg_vitseg.checkpoints.sources import Renamed, recognise, to_our_names
from mmseg_vitseg.checkpoints.values import not_finite, refuse_not_finite
from mmseg_vitseg.checkpoints.which_model import query_blocks_of, vit_of
from mmseg_vitseg.config.building import build_model
from mmseg_vitseg.config.reading import ConfigError, read_config
from mmseg_vitseg.converting.completeness import refuse_incomplete
from mmseg_vitseg.converting.differences import added_to_base
from mmseg_vitseg.converting.to_projects import PROJECTS, to_project
from mmseg_vitseg.download import digest
from mmseg_vitseg.errors import listed
from mmseg_vitseg.models.backbone import Backbone
from mmseg_vitseg.models.segmentor import EncoderDecoder

SUFFIXES = ('.safetensors', '.pth')
TARGETS = ('ours', *PROJECTS)


def convert_file(
    src: str | Path,
    dst: str | Path,
    *,
    source: str = 'auto',
    base: str | Path | None = None,
    config: str | Path | None = None,
    cfg_options: dict | None = None,
    head: str | Path | None = None,
    to: str = 'ours',
    resize_patches: bool = False,
    adapt_channels: bool = False,
    unpickle: bool = False,
    container: str | None = None,
    prefix: str | None = None,
) -> dict[str, str]:
    """Convert a checkpoint file; nothing but ``dst`` is written, and that whole or not at all.

    Args:
        src: a local file, a URL or hf://owner/name.
        dst: ends in ``.safetensors`` or ``.pth``.
        source, prefix, resize_patches, adapt_channels: see :class:`~mmseg_vitseg.checkpoints.fitting.Options`; the last two
            need a config.
        base: the weights to which ``src`` holds differences; see
            :func:`~mmseg_vitseg.converting.differences.added_to_base`.
        config: a config whose model, or whose backbone where the file holds no more, the result fits exactly.
        cfg_options: changes to it, dotted key -> value.
        head: a decode head's own file, as DINOv2's authors release them, where ``src`` is a backbone's: both become a whole
            model, the config's.
        to: ``ours``, ``timm``, ``hf`` or ``mmseg``.
        unpickle: see :func:`~mmseg_vitseg.checkpoints.reading.read_checkpoint`.
        container: which weights, where the file has several; see :func:`~mmseg_vitseg.checkpoints.containers.weights_of`.

    Returns:
        the provenance, which is in the file too: source file, its SHA-256, map, what was dropped and added.

    Raises:
        FileNotFoundError, ConnectionError, ValueError: with what is wrong, in one line.
    """
    if (resize_patches or adapt_channels or cfg_options or head) and config is None:
        raise ValueError(
            '--resize-patches, --adapt-channels, --cfg-options and --head need --config, which says to what'
        )
    if to not in TARGETS:
        raise ValueError(f'to={to!r}; allowed: {", ".join(TARGETS)}')
    dst = _target(Path(dst))
    file, head_file = local_file(src), None if head is None else local_file(head)
    _refuse_to_replace(dst, file, 'the source itself')
    if head_file is not None:
        _refuse_to_replace(dst, head_file, 'the head')
    weights = unwrapped(read_state_dict(file, unpickle=unpickle, container=container), (), src, prefix)
    if base is not None:
        _refuse_to_replace(dst, local_file(base), 'the base')
        with _naming(src):
            weights = added_to_base(weights, base)
    options = Options(source=source, resize_patches=resize_patches, adapt_channels=adapt_channels)
    with _naming(src):
        found, _ = recognise(weights, source=source)
    model = None if config is None else segmentor_without_weights(config, cfg_options)
    report = (
        _complete(weights, source, src) if model is None else _fitted(weights, found, model, src, options, head_file)
    )
    result = report.weights
    outside: list[str] = []
    if to != 'ours':
        channels = 3 if model is None else model.backbone.in_channels
        blocks = query_blocks_of(weights) if model is None else getattr(model.decode_head, 'num_blocks', None)
        result, outside = to_project(result, to, channels, blocks)
    provenance = {
        'source_file': str(src),
        'sha256': _digests(file),
        'base': '' if base is None else f'{base}, {_digests(local_file(base))}',
        'head': '' if head_file is None else f'{head}, {_digests(head_file)}',
        'map': f'{found.what} -> {to}',
        'dropped': ', '.join([*report.dropped, *outside]),
        'added': ', '.join(report.added),
        'config': str(config or ''),
        'written_by': f'mmseg_vitseg {__version__}',
    }
    write_weights(result, dst, provenance)
    return {**provenance, 'tensors': str(len(result))}


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


def write_weights(weights: dict[str, Tensor], path: Path, provenance: dict[str, str]) -> None:
    """Write weights with their provenance, whole or not at all."""
    from safetensors.torch import save_file

    tensors = {name: value.contiguous().clone() for name, value in weights.items()}  # of their own memory each
    with whole(path) as temporary:
        if path.suffix == '.safetensors':
            save_file(tensors, temporary, metadata=provenance)
        else:
            torch.save({'state_dict': tensors, 'meta': {'provenance': provenance}}, temporary)


def _target(dst: Path) -> Path:
    if dst.suffix not in SUFFIXES:
        raise ValueError(f'{dst}: ends in {dst.suffix or "nothing"!r}; allowed: {", ".join(SUFFIXES)}')
    if dst.is_dir():
        raise ValueError(f'{dst}: a folder; name a file')
    if not dst.parent.is_dir():
        raise FileNotFoundError(f'{dst.parent}: no such folder; make it first')
    return dst


def _refuse_to_replace(dst: Path, file: Path, what: str) -> None:
    if dst.exists() and dst.samefile(file):
        raise ValueError(f'{dst}: is {what}; give the result another name')


def _digests(file: Path) -> str:
    return ', '.join(map(digest, files_of(file)))


def _complete(weights: dict[str, Tensor], source: str, src: str | Path) -> Renamed:
    """Return all weights under our names, of a backbone without prefix; refuse what the map does not know."""
    with _naming(src):
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


def _fitted(
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


@contextmanager
def _naming(src: str | Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f'{src}: {error}') from error
