"""The classes that a model was trained on against those of other data: a number must mean the same class in both."""

import logging
from collections.abc import Sequence

from mmengine.config import Config
from mmengine.logging import print_log
from torch import nn

from mmseg_vitseg.config.datasets import datasets_in, metainfo_of
from mmseg_vitseg.errors import listed

SHOWN = 12  # names of a list
MEANT = 'same_classes=False'  # the setting that lets any names pass


def check_tested_classes(cfg: Config, model: nn.Module, meta: dict, checkpoint: str) -> None:
    """Check that the test data name every class that a model predicts, and number them as its checkpoint was trained.

    Args:
        cfg, meta, checkpoint: see :func:`check_trained_classes`.
        model: the segmentor.

    Raises:
        ValueError: they name fewer, of which the host's metric would print some number; or see there.
    """
    names = class_names_of(datasets_in(cfg, 'test_dataloader')[0]) if 'test_dataloader' in cfg else []
    one_logit = getattr(model, 'out_channels', None) == 1
    predicted = 2 if one_logit else getattr(model, 'num_classes', 0)
    if names and len(names) < predicted:
        raise ValueError(
            f'{cfg.filename}: the model predicts {predicted} classes, the data set names {len(names)}'
            + (
                '; one logit tells two apart: num_classes=2, out_channels=1, and the names of both in metainfo.classes'
                if one_logit
                else '; num_classes of its heads and metainfo.classes must agree'
            )
        )
    check_trained_classes(cfg, meta, checkpoint)


def check_trained_classes(cfg: Config, meta: dict, checkpoint: str) -> None:
    """Check that the test data number their classes as the data that a checkpoint was trained on.

    Names alone may differ, which is said; ``same_classes = False`` in the config takes classes by their numbers.

    Args:
        cfg: with a ``test_dataloader``, else nothing is checked.
        meta: what the checkpoint says of its training; where it names no classes, those of ``train_dataloader`` count.
        checkpoint: its name.

    Raises:
        ValueError: a class has another number, there are more or fewer of them, or 0 of the masks is a class in one alone.
    """
    if cfg.get('same_classes') is False or 'test_dataloader' not in cfg:
        return
    dataset = datasets_in(cfg, 'test_dataloader')[0]
    _check_reduced(dataset, meta, checkpoint)
    tested = class_names_of(dataset)
    trained, where = class_names_in(meta), checkpoint
    if not trained:
        trained, where = _names_in_training(cfg), f'{cfg.filename}: train_dataloader'
    if not trained or not tested or same(trained, tested):
        return
    said = f'{where} has {list_classes(trained)}, test_dataloader has {list_classes(tested)}'
    said += first_difference(trained, tested)
    if not renumbered(trained, tested):
        print_log(f'{said}: taken by their numbers, whatever their names.', logger='current', level=logging.WARNING)
        return
    raise ValueError(
        f'{said}: one number would mean two classes, and scores and names be wrong; give '
        'test_dataloader.dataset.metainfo.classes as in the training (of some alone, look at their rows of the table of '
        f'all); if the numbers mean the same and the names alone are wrong, {MEANT} after --cfg-options'
    )


def _names_in_training(cfg: Config) -> list[str]:
    """Return the classes of a config's training data; [] where it has none, or their file is on another machine."""
    try:
        return class_names_of(datasets_in(cfg, 'train_dataloader')[0])
    except ValueError:
        return []


def _check_reduced(dataset: dict, meta: dict, checkpoint: str) -> None:
    """Check that 0 of the masks is a class, or none, as in the training."""
    of_data = meta.get('dataset_meta')
    before, now = (of_data.get('reduce_zero_label') if isinstance(of_data, dict) else None), reduces(dataset)
    if before is not None and now is not None and bool(before) != now:
        raise ValueError(
            f'{checkpoint} was trained with reduce_zero_label={bool(before)}, test_dataloader has {now}: every label would '
            f"be another class's; test_dataloader.dataset.reduce_zero_label={bool(before)}, or, if these masks are numbered "
            f'otherwise, {MEANT} after --cfg-options'
        )


def reduces(dataset: dict) -> bool | None:
    """Tell whether a data set takes 0 of its masks for no class; None where it does not say."""
    value = metainfo_of(dataset).get('reduce_zero_label')
    return None if value is None else bool(value)


def class_names_of(dataset: dict) -> list[str]:
    """Return the names of a data set's classes; [] where neither the config nor the data set has any."""
    return [str(name) for name in metainfo_of(dataset).get('classes') or ()]


def class_names_in(meta: dict) -> list[str]:
    """Return the classes that mmengine's Runner, or the host's before it, noted in a checkpoint; [] where there are none."""
    of_data = meta.get('dataset_meta')
    names = (of_data.get('classes') if isinstance(of_data, dict) else None) or meta.get('CLASSES') or ()
    return [str(name) for name in names] if isinstance(names, (list, tuple)) else []


def same(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether two lists name the same classes in one order; capitals and spaces around a name do not count."""
    return _plain(one) == _plain(other)


def renumbered(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether a class of both has two numbers, or their count differs: more than other names for the same classes."""
    first, second = _plain(one), _plain(other)
    return len(first) != len(second) or any(
        a != b and (a in second or b in first) for a, b in zip(first, second, strict=True)
    )


def list_classes(names: Sequence[str]) -> str:
    """Return a list of classes as text: their number, and the first of them."""
    return f'{len(names)} classes ({listed(names, SHOWN)})'


def first_difference(one: Sequence[str], other: Sequence[str]) -> str:
    """Return which class is the first that differs, where :func:`list_classes` does not show it; else nothing."""
    for index, (a, b) in enumerate(zip(_plain(one), _plain(other), strict=False)):
        if a != b:
            return f' (class {index}: {one[index]}, {other[index]})' if index >= SHOWN else ''
    return ''


def _plain(names: Sequence[str]) -> list[str]:
    return [name.strip().casefold() for name in names]
