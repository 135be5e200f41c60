"""Arguments whose names are misspelt: some of the host's classes fail on them late, others take them and go on without."""

import inspect
from collections.abc import Callable, Iterable, Iterator

from mmengine import registry as roots
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.setup import LOADERS, Setup
from mmseg_vitseg.config.parts import Part, class_of, dicts, nested
from mmseg_vitseg.errors import meant

EVERYWHERE = ('type', '_scope_', '_delete_')
# What is read of a dict before its class gets the rest.
LOADER = ('dataset', 'sampler', 'batch_sampler', 'collate_fn', 'num_batch_per_epoch')
WRAPPER = ('optimizer', 'constructor', 'paramwise_cfg')
SCHEDULER = ('convert_to_iter_based', 'epoch_length')
HOOK = ('priority',)
NEAR = 0.82  # difflib's ratio: a letter or two; what is further off may be some class's own


def check_arguments(setup: Setup) -> Iterator[Finding]:
    """No argument looks like another one that its class has."""
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
    cfg = setup.cfg
    groups: list[tuple[Iterable[Part], roots.Registry, tuple[str, ...]]] = [
        (nested(setup.model.node, 'model'), roots.MODELS, ()),
        (dicts(cfg.get('param_scheduler'), 'param_scheduler'), roots.PARAM_SCHEDULERS, SCHEDULER),
        (dicts(cfg.get('custom_hooks'), 'custom_hooks'), roots.HOOKS, HOOK),
    ]
    for hooks in dicts(cfg.get('default_hooks'), 'default_hooks'):
        groups += [(hooks.children(name), roots.HOOKS, HOOK) for name in hooks.node]
    for name in ('train_cfg', 'val_cfg', 'test_cfg'):
        groups.append((dicts(cfg.get(name), name), roots.LOOPS, ()))
    for name in ('val_evaluator', 'test_evaluator'):
        groups.append((dicts(cfg.get(name), name), roots.METRICS, ()))
    for wrapper in dicts(cfg.get('optim_wrapper'), 'optim_wrapper'):
        groups.append(([wrapper], roots.OPTIM_WRAPPERS, WRAPPER))
        groups.append((wrapper.children('optimizer'), roots.OPTIMIZERS, ()))
    for name in LOADERS:
        for loader in dicts(cfg.get(name), name):
            yield loader, DataLoader, LOADER
            groups.append((loader.children('sampler'), roots.DATA_SAMPLERS, ()))
        for wrapped in setup.datasets(name):
            groups.append((wrapped, roots.DATASETS, ()))
            groups += [(part.children('pipeline'), roots.TRANSFORMS, ()) for part in wrapped]
    for part in dicts(cfg.get('randomness'), 'randomness'):
        yield part, Runner.set_randomness, ()
    for parts, registry, read_before in groups:
        for part in parts:
            if (cls := class_of(part.node, registry)) is not None:
                yield part, cls, read_before


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
