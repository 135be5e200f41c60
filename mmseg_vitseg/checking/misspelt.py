"""Misspelt names: settings that nothing reads; arguments on which some classes fail late, and others go on without them."""

import inspect
from collections.abc import Callable, Iterator

from mmengine import registry as roots
from mmengine.runner import Runner
from mmseg.registry import MODELS
from torch.utils.data import DataLoader

from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.training_setup import LOADERS, Setup, runner_parts
from mmseg_vitseg.config.parts import Part, class_of, dicts, is_known, nested
from mmseg_vitseg.config.reading import near_setting
from mmseg_vitseg.errors import meant
from mmseg_vitseg.models.heads.eomt import EoMTHead
from mmseg_vitseg.models.losses.mask_loss import MaskLoss

OURS = ('keep_logits', 'window_batch', 'confidence')
TEST_SETTINGS = ('mode', 'crop_size', 'stride', 'threshold', *OURS)
EVERYWHERE = ('type', '_scope_', '_delete_')
# What is read of a dict before its class gets the rest.
OF_LOADERS = ('dataset', 'sampler', 'batch_sampler', 'collate_fn', 'num_batch_per_epoch')
READ_BEFORE = {
    roots.OPTIM_WRAPPERS: ('optimizer', 'constructor', 'paramwise_cfg'),
    roots.PARAM_SCHEDULERS: ('convert_to_iter_based', 'epoch_length'),
    roots.HOOKS: ('priority',),
}
NEAR = 0.82  # difflib's ratio: a letter or two; what is further off may be some class's own


def misspelt_settings(setup: Setup) -> Iterator[Finding]:
    """Top-level names that look like one of the Runner's: the host takes any name, and reads only those that it knows."""
    for name in setup.cfg:
        if close := near_setting(name):
            yield _unread(name, close)


def misspelt_test_settings(setup: Setup) -> Iterator[Finding]:
    """Names in ``model.test_cfg`` that look like one that prediction reads: the host's segmentors take any."""
    if not is_known(class_of(setup.model.node, MODELS)):
        return
    for name in setup.model.node.get('test_cfg') or ():
        if close := meant(name, TEST_SETTINGS, cutoff=0.75):
            yield _unread(f'model.test_cfg.{name}', close)


def _unread(key: str, close: str) -> Finding:
    return error(
        key,
        'nothing reads a setting of this name',
        why='the run goes on without what it says',
        fix=f'did you mean {close!r}?',
    )


def misspelt_arguments(setup: Setup) -> Iterator[Finding]:
    """Arguments that look like another one that their class has."""
    for part, takes, read_before in _parts(setup):
        known = [*_names(takes), *EVERYWHERE, *read_before]
        for name in part.node:
            if close := meant(name, known, NEAR):
                yield error(
                    f'{part.key}.{name}',
                    f'{takes.__name__} has no argument of this name',
                    why='it fails, or the run goes on without what it says',
                    fix=f'did you mean {close!r}?',
                )


def _parts(setup: Setup) -> Iterator[tuple[Part, Callable, tuple[str, ...]]]:
    """Yield each part, what is called with it, and the names that are read of it before."""
    built = [*runner_parts(setup.cfg), *((part, roots.MODELS) for part in nested(setup.model.node, 'model'))]
    for part in setup.model.children('decode_head'):
        if (loss := part.child('loss')) and class_of(part.node, MODELS) is EoMTHead:
            yield loss, MaskLoss, ()
    for name in LOADERS:
        for loader in dicts(setup.cfg.get(name), name):
            yield loader, DataLoader, OF_LOADERS
            built += [(part, roots.DATA_SAMPLERS) for part in loader.children('sampler')]
        for part in (part for wrapped in setup.datasets(name) for part in wrapped):
            built += [(part, roots.DATASETS), *((step, roots.TRANSFORMS) for step in part.children('pipeline'))]
    for part in dicts(setup.cfg.get('randomness'), 'randomness'):
        yield part, Runner.set_randomness, ()
    for part, registry in built:
        if (cls := class_of(part.node, registry)) is not None:
            yield part, cls, READ_BEFORE.get(registry, ())


def _names(takes: Callable) -> list[str]:
    """List the arguments of a function, or of a class and, as far as it hands more on, of its bases."""
    functions = [takes]
    if isinstance(takes, type):
        functions = [vars(base)['__init__'] for base in takes.__mro__[:-1] if '__init__' in vars(base)]
    found: list[str] = []
    for function in functions:
        parameters = inspect.signature(function).parameters.values()
        found += [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break
    return [name for name in found if name != 'self']
