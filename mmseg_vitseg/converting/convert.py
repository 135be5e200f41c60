"""From a checkpoint file of any source to one of ours, or of another project's."""

from pathlib import Path

from mmseg_vitseg import __version__
from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.checkpoints.fitting import Options
from mmseg_vitseg.checkpoints.prefixes import unwrapped
from mmseg_vitseg.checkpoints.reading import read_state_dict
from mmseg_vitseg.checkpoints.sharded import files_of
from mmseg_vitseg.checkpoints.sources import recognise
from mmseg_vitseg.checkpoints.which_model import query_blocks_of
from mmseg_vitseg.converting.differences import added_to_base
from mmseg_vitseg.converting.ours import complete, fitted_to, naming, segmentor_without_weights
from mmseg_vitseg.converting.to_projects import PROJECTS, to_project
from mmseg_vitseg.converting.writing import check_target, refuse_to_replace, write_weights
from mmseg_vitseg.download import digest

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
    dst = Path(dst)
    check_target(dst)
    named = {'source': src, 'base': base, 'head': head}
    files = {what: local_file(path) for what, path in named.items() if path is not None}
    for what, file in files.items():
        refuse_to_replace(dst, file, 'the source itself' if what == 'source' else f'the {what}')
    weights = unwrapped(read_state_dict(files['source'], unpickle=unpickle, container=container), (), src, prefix)
    with naming(src):
        if base is not None:
            weights = added_to_base(weights, base)
        found, _ = recognise(weights, source=source)
    model = None if config is None else segmentor_without_weights(config, cfg_options)
    if model is None:
        report, channels, blocks = complete(weights, source, src), 3, query_blocks_of(weights)
    else:
        options = Options(source=source, resize_patches=resize_patches, adapt_channels=adapt_channels)
        report = fitted_to(weights, found, model, src, options, files.get('head'))
        channels, blocks = model.backbone.in_channels, getattr(model.decode_head, 'num_blocks', None)
    result, outside = (report.weights, []) if to == 'ours' else to_project(report.weights, to, channels, blocks)
    provenance = {
        **_what_was_read(named, files),
        'map': f'{found.what} -> {to}',
        'dropped': ', '.join([*report.dropped, *outside]),
        'added': ', '.join(report.added),
        'config': str(config or ''),
        'written_by': f'mmseg_vitseg {__version__}',
    }
    write_weights(result, dst, provenance)
    return {**provenance, 'tensors': str(len(result))}


def _what_was_read(named: dict, files: dict[str, Path]) -> dict[str, str]:
    """Return how the files were named, ``source``, ``base`` and ``head``, and the SHA-256 of what they are."""
    digests = {what: ', '.join(map(digest, files_of(file))) for what, file in files.items()}
    more = {what: f'{named[what]}, {digests[what]}' if what in files else '' for what in ('base', 'head')}
    return {'source_file': str(named['source']), 'sha256': digests['source'], **more}
