"""All checks of a config, one after the other."""

import copy
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import init_default_scope

from mmseg_vitseg.checking import (
    arguments,
    classes,
    leftovers,
    levels,
    loaders,
    losses,
    machine,
    names,
    norms,
    schedule,
    scopes,
    sizes,
    starting_weights,
)
from mmseg_vitseg.checking.batches import check_batches
from mmseg_vitseg.checking.data import Track, check_data, check_few_masks
from mmseg_vitseg.checking.files import check_files, check_masks
from mmseg_vitseg.checking.findings import ERROR, Finding
from mmseg_vitseg.checking.roots import check_roots
from mmseg_vitseg.checking.scored import check_scored_classes
from mmseg_vitseg.checking.setup import Setup
from mmseg_vitseg.config.parts import quiet
from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.config.type_names import name_types
from mmseg_vitseg.errors import first_line

CHECKS: tuple[Callable[[Setup], Iterable[Finding]], ...] = (
    names.check_names,
    names.check_prediction,
    arguments.check_arguments,
    scopes.check_types,
    classes.check_num_classes,
    classes.check_one_logit,
    classes.check_test_time_augmentation,
    classes.check_class_weights,
    check_scored_classes,
    losses.check_losses,
    levels.check_out_indices,
    levels.check_neck,
    levels.check_heads,
    levels.check_unread_levels,
    levels.check_patch_heads,
    sizes.check_patches,
    sizes.check_position_grid,
    sizes.check_padding,
    sizes.check_windows,
    norms.check_input_norm,
    norms.check_batch_norm,
    starting_weights.check_files,
    starting_weights.check_weights,
    loaders.check_workers,
    loaders.check_concatenated,
    schedule.check_schedule,
    leftovers.check_leftovers,
)

STARTING: tuple[Callable[[Setup], Iterable[Finding]], ...] = (
    machine.check_precision,
    machine.check_packages,
    check_roots,
    check_files,
    check_masks,
    check_few_masks,
    check_batches,
)


def check_config(cfg: Config, track: Track | None = None, *, starting: bool = False) -> list[Finding]:
    """Check a config: errors first.

    Without the data it takes less than a second: parts are built without memory, files are looked at for names and shapes.
    Where a config is of a form that a check does not foresee, the log says that the check was left out.

    Args:
        cfg: as read from a file, ``--cfg-options`` applied. It is not changed. Where it says how it is launched
            (``launcher``), synchronised batch norm without a process group is taken for plain batch norm.
        track: if given, a sample of the data is looked at too, and this shows how far it is: see
            :func:`~mmseg_vitseg.checking.data.check_data`.
        starting: a training is about to start here: the folders of its data must be there, pictures fit into batches, and
            the machine must have what it needs.

    Raises:
        ConfigError: it has no model.
    """
    if not isinstance(cfg.get('model'), dict):
        raise ConfigError(f'{cfg.filename}: has no model, so nothing to check')
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    cfg = copy.deepcopy(cfg)
    name_types(cfg)
    setup = Setup(cfg)
    checks = [*CHECKS, *STARTING] if starting else CHECKS
    found = [finding for check in checks for finding in _tried(check.__name__, partial(check, setup))]
    if track is not None:
        in_data = [
            one for check in (check_files, check_batches) for one in _tried(check.__name__, partial(check, setup))
        ]
        found += dict.fromkeys([*in_data, *check_data(setup, track)])  # what several data sets show is said once
    return sorted(found, key=lambda finding: finding.severity != ERROR)


def _tried(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        with quiet():
            found = list(check())
    except Exception as problem:  # configs of other projects may be anything; a check is no reason not to train
        print_log(f'{name} was left out: {type(problem).__name__}: {first_line(problem)}', logger='current')
        return
    yield from found
