"""Losses that always fail, or teach nothing or the inverse of what the masks say: found by trying them."""

import inspect
from collections.abc import Container, Iterator
from itertools import combinations

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import FocalLoss
from mmseg.registry import MODELS

from mmseg_vitseg import registry
from mmseg_vitseg.checking.differing_classes import wrong_class_weights
from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.loss_trials import FAILS, taught_by
from mmseg_vitseg.checking.one_logit import wrong_one_logit
from mmseg_vitseg.checking.training_setup import Setup, losses_in
from mmseg_vitseg.config.heads import logits_of
from mmseg_vitseg.config.parts import Part, argument, class_of, is_known, is_written_by_known, type_name
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.models.heads.base import DecodeHead

# What the host's losses are for whose arguments no plain decode head gives.
MADE_FOR = {
    'BoundaryLoss': "it is for the edges of the host's PIDHead; leave it out",
    'OhemCrossEntropy': 'write a CrossEntropyLoss, and beside it sampler=dict(type="OHEMPixelSampler", thresh=0.7)',
    'SiLogLoss': 'it is for depths; leave it out',
}
# Changes that help some loss or other; which one helps is tried: first another form, then ours of the same name, then more.
FORMS: tuple[dict, ...] = tuple({'loss_type': value} for value in ('binary', 'multi_class'))
CHANGES: tuple[dict, ...] = (
    *({'use_sigmoid': value} for value in (True, False)),
    {'reduction': 'none'},
    {'ignore_index': IGNORED},
    {'class_weight': None},
    *({name: False} for name in ('use_mask', 'avg_non_ignore')),
    *({name: value} for name, value in (('gamma', 2.0), ('alpha', 0.5), ('loss_weight', 1.0))),
)


def wrong_losses(setup: Setup) -> Iterator[Finding]:
    """Losses of heads that cannot be computed, or do not teach each class at its own pixels."""
    told = {
        finding.key.rpartition('.')[0] for check in (wrong_one_logit, wrong_class_weights) for finding in check(setup)
    }
    for head in _heads(setup):
        plain = dict(type='CrossEntropyLoss', use_sigmoid=logits_of(head.node) == 1)
        sampler = head.child('sampler')
        if sampler and (problem := taught_by(setup, head, plain).problem):
            yield error(
                f'{sampler.key}.type',
                f'{type_name(sampler.node)} with {_logits(head)}: {problem}',
                why=FAILS,
                fix=f'{sampler.key}=None',
            )
            head = _with(head, sampler=None)
        for loss in losses_in(head):
            if loss.key not in told and _is_tried(loss):
                yield from _check_loss(setup, head, loss)


def _check_loss(setup: Setup, head: Part, loss: Part) -> Iterator[Finding]:
    cls, taught = class_of(loss.node, MODELS), taught_by(setup, head, loss.node)
    if taught.problem and (is_known(cls) or taught.why != FAILS):  # what nobody here wrote may want larger pictures
        sampler = head.child('sampler')
        yield (error if is_known(cls) else warning)(
            f'{loss.key}.type',
            f'{type_name(loss.node)} with {_logits(head)}{f" and {type_name(sampler.node)}" if sampler else ""}: '
            f'{taught.problem}',
            why=taught.why + (' on a CPU' if cls is FocalLoss else ''),
            fix=_cure(setup, head, loss),
        )
    name = loss.node.get('loss_name')
    if isinstance(name, str) and 'loss' not in name:
        yield error(
            f'{loss.key}.loss_name',
            repr(name),
            why="nothing is learned from it: the host adds up what has 'loss' in its name",
            fix=f'{loss.key}.loss_name=loss_{name}',
        )


def learned_from_ignored(setup: Setup, labels: Container[int]) -> Iterator[Finding]:
    """Losses that learn from pixels that their head ignores.

    Args:
        setup: the config.
        labels: those that are in the masks.
    """
    for head in _heads(setup):
        ignored = argument(head.node, 'ignore_index', class_of(head.node, MODELS))
        for loss in losses_in(head) if ignored in labels else ():
            if _is_tried(loss) and taught_by(setup, head, loss.node).ignored:
                yield warning(
                    f'{loss.key}.type',
                    f'{type_name(loss.node)}, and masks have pixels of {head.key}.ignore_index={ignored}',
                    why='it takes them for pixels of another class, or of none, and learns from them',
                    fix=_cure(setup, head, loss, ignored=True),
                )


def _heads(setup: Setup) -> Iterator[Part]:
    """Yield each head that computes its losses as the host's BaseDecodeHead does."""
    for head in setup.heads:
        cls = class_of(head.node, MODELS)
        if cls is None or not is_written_by_known(cls, BaseDecodeHead, 'loss', 'loss_by_feat'):
            continue
        owner = next(one for one in cls.__mro__ if 'loss_by_feat' in vars(one))
        plain = owner is BaseDecodeHead or issubclass(cls, DecodeHead)
        if plain and isinstance(head.node['num_classes'], int):
            yield head


def _with(part: Part, **changes) -> Part:
    return part._replace(node={**part.node, **changes})


def _is_tried(loss: Part) -> bool:
    """Tell a loss that is on the CPU what it is in training: the host's FocalLoss on a GPU is another."""
    cls = class_of(loss.node, MODELS)
    return cls is not None and not (cls is FocalLoss and torch.cuda.is_available())


def _logits(head: Part) -> str:
    count = logits_of(head.node)
    return 'one logit' if count == 1 else f'{count} logits'


def _cure(setup: Setup, head: Part, loss: Part, ignored: bool = False) -> str:
    """Return the first change with which a loss is right, as it is tried."""
    name = type_name(loss.node)
    if name in MADE_FOR:
        return MADE_FOR[name]
    nothing = argument(head.node, 'ignore_index', class_of(head.node, MODELS)) is None
    if nothing and not taught_by(setup, _with(head, ignore_index=255), loss.node).problem:
        return f'{head.key}.ignore_index=255'
    takes = inspect.signature(class_of(loss.node, MODELS) or dict).parameters
    open_ended = any(one.kind is one.VAR_KEYWORD for one in takes.values())
    if unknown := [] if open_ended else [key for key in loss.node if key not in ('type', *takes)]:
        return f'{name} has no {" and no ".join(unknown)}: leave it out, or put _delete_=True beside the type'
    own = [{'type': f'{registry.SCOPE}.{name}'}] if name in registry.MODELS.module_dict else []
    changes = [change for change in (*FORMS, *own, *CHANGES) if change.keys() <= {'type', *takes}]
    for several in (*combinations(changes, 1), *combinations(changes, 2)):
        change = {key: value for one in several for key, value in one.items()}
        taught = taught_by(setup, head, {**loss.node, **change})
        if not taught.problem and not (ignored and taught.ignored):
            return ' '.join(f'{loss.key}.{key}={value}' for key, value in change.items())
    if not ignored and not taught_by(setup, _with(head, sampler=None), loss.node).problem:
        return f'{head.key}.sampler=None'
    return 'leave it out, or write another loss'
