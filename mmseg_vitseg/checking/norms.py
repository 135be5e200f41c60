"""Normalisation: of the input, once; by batch norm, over more than one picture."""

from collections.abc import Iterator

from mmseg.registry import MODELS
from torch import Tensor

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.probing import OneValueError, build_on_meta, meta_images, run_on_meta
from mmseg_vitseg.checking.starting_weights import starts_pretrained
from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.config.devices import SYNCHRONISED
from mmseg_vitseg.config.parts import Part, argument, class_of, is_known, nested, type_name

BATCH_NORMS = ('BN', 'BN1d', 'BN2d', 'BN3d', *SYNCHRONISED)


def wrong_input_norm(setup: Setup) -> Iterator[Finding]:
    """Input that data preprocessor, backbone and pipeline normalise twice, or not at all."""
    if setup.known_preprocessor is None or not setup.train_steps:
        return
    key, node = setup.known_preprocessor
    mean, std = (argument(node, name, class_of(node, MODELS)) for name in ('mean', 'std'))
    if (mean is None) != (std is None):
        missing = 'mean' if mean is None else 'std'
        yield error(
            f'{key}.{missing}',
            f'None, and {"std" if mean is None else "mean"} is {mean or std}',
            why='the model cannot be built',
            fix=f'set both, or neither: {key}.mean=None {key}.std=None',
        )
    elif is_known(setup.backbone_class):  # another may normalise by itself
        yield from _twice_or_never(setup, key, mean)


def _twice_or_never(setup: Setup, key: str, mean) -> Iterator[Finding]:
    others = [
        f'{step.key}.type={type_name(step.node)}' for step in setup.train_steps if 'Normalize' in type_name(step.node)
    ]
    if setup.backbone and setup.argument('input_norm'):
        others.append(f'{setup.backbone.key}.input_norm={setup.argument("input_norm")!r}')
    if mean is not None and others:
        yield warning(
            f'{key}.mean',
            f'{list(mean)}, besides {" and ".join(others)}',
            why='the input is normalised twice',
            fix=f'{key}.mean=None {key}.std=None',
        )
    elif mean is None and not others and _from_pictures(setup):
        spoilt = starts_pretrained(setup)
        yield (error if spoilt else warning)(
            f'{key}.mean',
            'None, and nothing else normalises the input',
            why='pixels of 0 to 255 go into the backbone'
            + (
                ', whose pretrained weights have never seen such values'
                if spoilt
                else ', which learns little from them'
            ),
            fix=f'{key}.mean=[123.675,116.28,103.53] {key}.std=[58.395,57.12,57.375]'
            if not any(step.node.get('bands') for step in setup.train_steps)
            else f'{key}.mean and {key}.std, a value a band: tools/check_config.py CONFIG --data proposes them',
        )


def _from_pictures(setup: Setup) -> bool:
    """Tell whether the input has values of 0 to 255, as files of pictures do."""
    return any(type_name(step.node) in ('LoadImageFromFile', 'LoadImage') for step in setup.train_steps)


def batch_norm_of_one_picture(setup: Setup) -> Iterator[Finding]:
    """Batch norm that sees one picture.

    Synchronised batch norm does, where it has a process group; without one it is plain batch norm, in the host's Runner as
    in ours. Where a config does not say how it is launched, it is taken to have one.
    """
    loader = setup.cfg.get('train_dataloader') or {}
    found = _batch_norms(setup)
    if not loader or not found or 'batch_sampler' in loader:
        return
    if loader.get('batch_size', 1) != 1:
        yield from _last_batch(setup)
        return
    key, what = 'train_dataloader.batch_size', ' and '.join([found[0], *[f'{len(found) - 1} more'][: len(found) - 1]])
    fix = f'{key}=2 or more; or several GPUs with SyncBN; or another norm, as GN'
    for part in _refusing(setup):
        yield error(
            key,
            f'1, and {part.key} ({type_name(part.node)}) has a batch norm after pooling to one pixel',
            why='one picture gives it one value a channel: the first step of training fails',
            fix=fix,
        )
        return
    yield warning(
        key,
        f'1, with {what}',
        why='each picture is normalised by itself in training and by the average in validation, so that scores fall',
        fix=fix,
    )


def _last_batch(setup: Setup) -> Iterator[Finding]:
    """The last batch of an epoch is not one picture, where a batch norm comes after pooling to one pixel."""
    loader, refusing = setup.cfg.train_dataloader, next(_refusing(setup), None)
    if (
        refusing is None
        or loader.get('drop_last')
        or (steps := setup.steps) is None
        or steps.endless
        or steps.rest != 1
    ):
        return
    yield error(
        'train_dataloader.drop_last',
        f'{loader.get("drop_last", False)}, with train_dataloader.batch_size={steps.batch_size} and {steps}: the last batch '
        f'is one picture; {refusing.key} ({type_name(refusing.node)}) has a batch norm after pooling to one pixel',
        why="one picture gives it one value a channel: the first epoch's last step fails",
        fix='train_dataloader.drop_last=True, or another train_dataloader.batch_size',
    )


def _batch_norms(setup: Setup) -> list[str]:
    """Return the key and type of each batch norm that sees only one process's pictures."""
    alone = setup.cfg.get('launcher') == 'none'
    frozen = tuple(f'{part.key}.' for part in nested(setup.model.node, 'model') if part.node.get('norm_eval'))
    found = [
        f'{part.key}.type={part.node["type"]}'
        for part in nested(setup.model.node, 'model')
        if type_name(part.node) in BATCH_NORMS
        and (alone or type_name(part.node) not in SYNCHRONISED)
        and not part.key.startswith(frozen)
    ]
    if setup.backbone and setup.argument('input_norm') == 'batch' and not _input_norm_is_still(setup):
        found.append(f'{setup.backbone.key}.input_norm=batch')
    return found


def _input_norm_is_still(setup: Setup) -> bool:
    """Tell whether the input's batch norm stays in evaluation mode in training: asked for, or frozen."""
    stages = setup.argument('frozen_stages')
    return bool(setup.argument('norm_eval') or setup.argument('frozen') or (isinstance(stages, int) and stages >= 0))


def _refusing(setup: Setup) -> Iterator[Part]:
    """Yield the parts that fail on one picture."""
    backbone, features = setup.backbone, setup.features
    if backbone is None or features.outputs is None or features.levels is None:
        return
    if _refuses(backbone, meta_images(backbone, setup.size)[:1]):
        yield backbone
    for head in setup.heads:
        if is_known(class_of(head.node, MODELS)) and _refuses(head, [level[:1] for level in features.levels]):
            yield head


def _refuses(part: Part, inputs: Tensor | list[Tensor]) -> bool:
    try:
        run_on_meta(build_on_meta(part), inputs)
    except OneValueError:
        return True
    except Exception:  # not to be judged here
        return False
    return False
