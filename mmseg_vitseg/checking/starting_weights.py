"""Files of pretrained weights: there, and of this model."""

from collections.abc import Iterator
from pathlib import Path

from mmengine.model import BaseModule
from torch import nn

from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.checkpoints.accounting import account_for
from mmseg_vitseg.checkpoints.fitting import Options
from mmseg_vitseg.checkpoints.reading import read_shapes
from mmseg_vitseg.config.parts import Part, nested, type_name
from mmseg_vitseg.config.reading import variable_of
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.models.backbone import Backbone

SOURCES = 'docs/weights_and_data.md'
OPTIONS = ('source', 'resize_patches', 'adapt_channels', 'prefix')


def pretrained_files(setup: Setup) -> list[tuple[str, str]]:
    """Return the key and the name of each file that a model starts from."""
    places = [('model.pretrained', setup.model.node.get('pretrained'))]
    if setup.backbone:
        places.append((f'{setup.backbone.key}.pretrained', setup.backbone.node.get('pretrained')))
    places += [
        (f'{part.key}.checkpoint', part.node.get('checkpoint'))
        for part in nested(setup.model.node, 'model')
        if type_name(part.node) in ('Pretrained', 'PretrainedInit')
    ]
    return [(key, name) for key, name in places if isinstance(name, str)]


def starts_pretrained(setup: Setup) -> bool:
    """Tell whether the backbone's weights come from a file."""
    files = pretrained_files(setup)
    return bool(setup.cfg.get('load_from')) or any(
        key.startswith(('model.pretrained', 'model.backbone.')) for key, _ in files
    )


def missing_weights(setup: Setup) -> Iterator[Finding]:
    """Files that a training starts from, and that are not there."""
    for key, name in [*pretrained_files(setup), ('load_from', setup.cfg.get('load_from'))]:
        if name and is_local(name) and not Path(name).exists():
            off = key if key.endswith(('pretrained', 'load_from')) else key.removesuffix('.checkpoint')
            variable = variable_of(setup.cfg, name)
            yield error(
                key,
                f'no file {name!r}',
                why='the training cannot start from it',
                fix=(f'write {variable}=FILE before the command' if variable else f'name another with {key}=FILE')
                + f' ({SOURCES} says where files are), or start from scratch on purpose: {off}=None',
            )


def weights_of_another_model(setup: Setup) -> Iterator[Finding]:
    """A file for the backbone that does not hold its weights."""
    part, backbone = setup.backbone, setup.features.backbone
    if part is None or backbone is None:
        return
    for key, name in pretrained_files(setup):
        own = key == 'model.pretrained' or key.rpartition('.')[0] in ('model.backbone', 'model.backbone.init_cfg')
        if not own or not is_local(name) or not Path(name).exists():
            continue
        judge = _refusal if isinstance(backbone, Backbone) else _nothing_fits
        reason = judge(part, backbone, Path(name))
        if reason:
            yield error(
                key, reason, why='nothing of it would be loaded', fix=f'name a file of this model with {key}=FILE'
            )


def is_local(name: str) -> bool:
    """Tell a path from an address."""
    return '://' not in name


def _refusal(part: Part, backbone: nn.Module, path: Path) -> str | None:
    """Return what our loader says against a file: it accounts for every key."""
    init_cfg = part.node.get('init_cfg') or {}
    options = Options(pretrained=True, **{name: init_cfg[name] for name in OPTIONS if name in init_cfg})
    try:
        account_for(backbone, read_shapes(path, container=init_cfg.get('container')), path, options=options)
    except ValueError as problem:
        return first_line(problem)
    return None


def _nothing_fits(part: Part, backbone: nn.Module, path: Path) -> str | None:
    """Say so where a file has no name of the backbone's; the host loads what fits, and goes on."""
    init_cfg = part.node.get('init_cfg')
    try:
        names = set(read_shapes(path))
    except ValueError as problem:
        return first_line(problem)
    if part.node.get('convert_weights'):
        return None  # it renames them
    prefixes = [init_cfg.get('prefix') or ''] if isinstance(init_cfg, dict) else ['']
    if type(backbone).init_weights is not BaseModule.init_weights:
        prefixes.append('backbone.')  # some take it off
    own = {prefix + name for prefix in prefixes for name in backbone.state_dict()}
    if own & names:
        return None
    ours, theirs = (', '.join(sorted(some)[:2]) for some in (own, names))
    return f'{path}: no name of the backbone ({ours}, ...) is in the file ({theirs}, ...)'
