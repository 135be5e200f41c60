"""From a checkpoint file of any source to one of ours, or of another project's."""

from pathlib import Path

import torch
from torch import Tensor, nn

from mmseg_vitseg import __version__
from mmseg_vitseg.atomic import whole
from mmseg_vitseg.checkpoints.completeness import refuse_incomplete
from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.checkpoints.prefixes import unwrapped
from mmseg_vitseg.checkpoints.reading import read_state_dict
from mmseg_vitseg.checkpoints.sharded import files_of
from mmseg_vitseg.checkpoints.sources import Converted, convert
from mmseg_vitseg.checkpoints.strict import LISTED, Fitted, accounted
from mmseg_vitseg.checkpoints.values import not_finite, refuse_not_finite
from mmseg_vitseg.config.building import build_model
from mmseg_vitseg.config.reading import read_config
from mmseg_vitseg.converting.to_projects import PROJECTS, export
from mmseg_vitseg.download import digest
from mmseg_vitseg.models.backbone import Backbone
from mmseg_vitseg.models.segmentor import EncoderDecoder

SUFFIXES = ('.safetensors', '.pth')
TARGETS = ('ours', *PROJECTS)


def convert_file(
    src: str | Path,
    dst: str | Path,
    *,
    source: str = 'auto',
    config: str | Path | None = None,
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
        source: the format; ``auto`` tells it from the names.
        config: a config whose model, or whose backbone where the file holds no more, the result fits exactly.
        to: ``ours``, ``timm``, ``hf`` or ``mmseg``.
        resize_patches, adapt_channels: see :func:`~mmseg_vitseg.checkpoints.strict.accounted`; they need a config.
        unpickle: see :func:`~mmseg_vitseg.checkpoints.reading.read_checkpoint`.
        container, prefix: which weights, where the file has several; see
            :func:`~mmseg_vitseg.checkpoints.containers.weights_of`, :func:`~mmseg_vitseg.checkpoints.prefixes.unwrapped`.

    Returns:
        the provenance, which is in the file too: source file, its SHA-256, map, what was dropped and added.

    Raises:
        FileNotFoundError, ConnectionError, ValueError: with what is wrong, in one line.
    """
    if (resize_patches or adapt_channels) and config is None:
        raise ValueError('--resize-patches and --adapt-channels need --config, which says to what')
    if to not in TARGETS:
        raise ValueError(f'to={to!r}; allowed: {", ".join(TARGETS)}')
    dst = _target(Path(dst))
    file = local_file(src)
    if dst.exists() and dst.samefile(file):
        raise ValueError(f'{dst}: is the source itself; give the result another name')
    state = unwrapped(read_state_dict(file, unpickle=unpickle, container=container), (), src, prefix)
    try:
        converted = convert(state, None, name=source)
    except ValueError as error:
        raise ValueError(f'{src}: {error}') from error
    channels = 3
    report: Converted | Fitted = converted
    if config is None:
        result = _complete(converted, src)
    else:
        model = segmentor_without_weights(config)
        options = dict(source=source, resize_patches=resize_patches, adapt_channels=adapt_channels)
        report = _fitted(state, converted, model, src, **options)
        # what starts from scratch has no values
        result = {name: value for name, value in report.state.items() if not value.is_meta}
        channels = model.backbone.in_channels
    outside: list[str] = []
    if to != 'ours':
        result, outside = export(result, to, channels)
    provenance = {
        'source_file': str(src),
        'sha256': ', '.join(map(digest, files_of(file))),
        'map': f'{converted.source.what} -> {to}',
        'dropped': ', '.join([*report.dropped, *outside]),
        'added': ', '.join(report.added),
        'config': str(config or ''),
        'written_by': f'mmseg_vitseg {__version__}',
    }
    write(result, dst, provenance)
    return {**provenance, 'tensors': str(len(result))}


def segmentor_without_weights(config: str | Path) -> nn.Module:
    """Build a config's model without memory for its weights.

    Raises:
        FileNotFoundError, ValueError: there is no such config, or it cannot be built.
    """
    cfg = read_config(config)
    if 'model' in cfg:
        cfg.model.data_preprocessor = None
    with torch.device('meta'):
        model = build_model(cfg)
    if not isinstance(model, EncoderDecoder) or not isinstance(model.backbone, Backbone):
        raise ValueError(f'{config}: its model is no mmseg_vitseg.EncoderDecoder with a backbone of this package')
    return model


def write(state: dict[str, Tensor], path: Path, provenance: dict[str, str]) -> None:
    """Write weights with their provenance, whole or not at all."""
    from safetensors.torch import save_file

    tensors = {name: value.contiguous().clone() for name, value in state.items()}  # of their own memory each
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


def _complete(converted: Converted, src: str | Path) -> dict[str, Tensor]:
    """Return all weights, of a backbone without prefix; refuse what the map does not know."""
    if converted.left:
        more = f' and {len(converted.left) - LISTED} more' if len(converted.left) > LISTED else ''
        raise ValueError(
            f'{src}: {converted.source.what} has no {", ".join(converted.left[:LISTED])}{more}; nothing was written'
        )
    prefix = 'backbone.'
    backbone = {name.removeprefix(prefix): value for name, value in converted.state.items() if name.startswith(prefix)}
    whole = len(backbone) < len(converted.state)
    state = converted.state if whole else backbone
    try:
        refuse_incomplete(backbone, converted.dropped, whole=whole)
        refuse_not_finite(not_finite(state), state)
    except ValueError as error:
        raise ValueError(f'{src}: {error}') from error
    return state


def _fitted(state: dict[str, Tensor], converted: Converted, model: nn.Module, src: str | Path, **options) -> Fitted:
    """Fit the weights to the model, or to its backbone where the file has no more."""
    backbone_only = all(name.startswith('backbone.') for name in converted.state)
    if backbone_only:
        return accounted(state, model.backbone, src, pretrained=True, **options)
    return accounted(state, model, src, model.from_scratch, **options)
