"""The learning rate's schedule against the length of the training."""

from collections.abc import Iterator
from typing import NamedTuple

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.config.parts import type_name
from mmseg_vitseg.config.schedules import schedulers_of

# Schedules that go to their last value on the way from `begin` to `end`; others hold it, or have no end.
FALLING = ('PolyLR', 'CosineAnnealingLR', 'TwoStageWarmUpPolyLR')
RISING = ('LinearLR', 'ConstantLR')


class Span(NamedTuple):
    """A schedule, and the training in what the schedule counts.

    Args:
        key, node: the scheduler's, in the config.
        unit: ``epochs`` or ``iterations``.
        have: how many the training has.
        length: the same in words.
        limit: the setting of the training's length, ``max_epochs`` or ``max_iters``, and how many of the unit it counts as.
    """

    key: str
    node: dict
    unit: str
    have: int
    length: str
    limit: tuple[str, int]

    @property
    def begin(self) -> int:
        """Return when it begins."""
        return self.node.get('begin', 0)

    @property
    def end(self) -> int:
        """Return when it reaches its last value; the Runner's default is the training's length."""
        if self.node.get('T_max') is not None:
            return self.begin + self.node['T_max']
        return self.have if self.node.get('end') is None else self.node['end']

    @property
    def is_empty(self) -> bool:
        """Tell whether it ends before it begins."""
        return (self.node.get('end') or self.have) <= self.begin

    @property
    def warm(self) -> int:
        """Return a tenth of the training, for warming up."""
        return self.have // 10

    def longer(self, end: int) -> str:
        """Return what makes the training so long."""
        name, of = self.limit
        return f'train_cfg.{name}={-(-end // of)}'

    def warning(self, name: str, value, why: str, fix: str) -> Finding:
        """Report what one of its settings is, against the training's length."""
        return warning(f'{self.key}.{name}', f'{value}, and {self.length}', why=why, fix=fix)


def wrong_schedules(setup: Setup) -> Iterator[Finding]:
    """Schedules that do not begin or end within the training, counted in what each counts."""
    spans = list(_spans(setup))
    yield from _counting_epochs(setup)
    late = [span for span in spans if span.begin >= span.have and not span.is_empty]
    for span in spans:
        within = f'{span.key}.begin={span.warm} {span.key}.end={span.have}'
        if span.is_empty:
            yield error(
                f'{span.key}.end',
                f'{span.node.get("end", span.have)} {span.unit}, and {span.key}.begin is {span.begin}',
                why='the host refuses a schedule that ends before it begins: the training does not start',
                fix=within,
            )
        elif span in late:
            longer = span.longer(max(span.end, span.begin + 1))
            value = f'{span.begin} ({type_name(span.node)})'
            yield span.warning('begin', value, 'this schedule never begins', f'{within}, or {longer}')
    yield from _warm_ups(spans)
    yield from _steps_beyond(spans)
    yield from _falling([span for span in spans if span not in late], spans)


def _spans(setup: Setup) -> Iterator[Span]:
    """Yield the schedules whose length can be compared with the training's."""
    train = setup.cfg.get('train_cfg') or {}
    loop_by_epoch = _counts_epochs(train)
    name = 'max_epochs' if loop_by_epoch else 'max_iters'
    length = train.get(name)
    if not isinstance(length, int) or length < 1:
        return
    for key, node in schedulers_of(setup.cfg):
        by_epoch = node.get('by_epoch', True)
        if by_epoch == loop_by_epoch:
            unit = 'epochs' if by_epoch else 'iterations'
            yield Span(key, node, unit, length, f'train_cfg.{name} is {length}', (name, 1))
        elif loop_by_epoch and setup.steps is not None and setup.steps.epoch:
            steps, many = setup.steps.epoch, length * setup.steps.epoch
            words = f'the training has {many} iterations: train_cfg.{name}={length} of {steps} ({setup.steps})'
            yield Span(key, node, 'iterations', many, words, (name, steps))


def counted_length(setup: Setup) -> int | None:
    """Return how many iterations a training has, None where that cannot be counted."""
    train = setup.cfg.get('train_cfg') or {}
    if not _counts_epochs(train):
        return train.get('max_iters')
    steps, epochs = setup.steps, train.get('max_epochs')
    return epochs * steps.epoch if steps is not None and isinstance(epochs, int) else None


def _counts_epochs(train: dict) -> bool:
    return type_name(train) == 'EpochBasedTrainLoop' or bool(train.get('by_epoch'))


def _counting_epochs(setup: Setup) -> Iterator[Finding]:
    if _counts_epochs(setup.cfg.get('train_cfg') or {}) or not isinstance(setup.cfg.train_cfg.get('max_iters'), int):
        return
    for key, node in schedulers_of(setup.cfg):
        if node.get('by_epoch', True) and not node.get('convert_to_iter_based'):
            yield error(
                f'{key}.by_epoch',
                f'{node.get("by_epoch", "True by default")} ({type_name(node)}), and the training counts iterations',
                why='an iteration-based training is one epoch, so that the learning rate never changes',
                fix=f'{key}.by_epoch=False',
            )


def _warm_ups(spans: list[Span]) -> Iterator[Finding]:
    """A warm-up that the training does not see the end of."""
    for span in spans:
        rises = type_name(span.node) in RISING and span.node.get('end_factor', 1) == 1
        if not (rises and span.node.get('end') and span.begin < span.have < span.end):
            continue
        end = max(1, span.warm)
        after = [
            f'{one.key}.begin={end}'
            for one in spans
            if one.begin == span.end and one.unit == span.unit and end < one.have
        ]
        yield span.warning(
            'end',
            f'{span.end} ({type_name(span.node)})',
            'the learning rate is still warming up when the training ends',
            f'{" ".join([f"{span.key}.end={end}", *after])}, or {span.longer(span.end)}',
        )


def _steps_beyond(spans: list[Span]) -> Iterator[Finding]:
    """Points at which a rate falls, none of which the training reaches."""
    for span in spans:
        points = span.node.get('milestones')
        if isinstance(points, (list, tuple)) and points and min(points) >= span.have:
            scaled = [max(1, round(span.have * point / max(points) * 0.9)) for point in points]
            fix = f'{span.key}.milestones={scaled}'.replace(', ', ',') + f', or {span.longer(max(points) + 1)}'
            yield span.warning('milestones', list(points), 'the learning rate never falls', fix)


def _falling(spans: list[Span], all_spans: list[Span]) -> Iterator[Finding]:
    """A learning rate that has fallen before the end of the training, or not yet."""
    falling = [span for span in spans if type_name(span.node) in FALLING]
    if not falling:
        return
    last = max(falling, key=lambda span: span.end / span.have)
    if last.end == last.have:
        return
    if last.end < last.have and any(one.begin / one.have >= last.end / last.have for one in all_spans):
        return  # something else goes on from there
    ended = 'T_max' if last.node.get('T_max') is not None else 'end'
    right = last.have - (last.begin if ended == 'T_max' else 0)
    yield last.warning(
        ended,
        last.node[ended],
        f'the learning rate stays at its last value, {last.node.get("eta_min", 0)}, for the last '
        f'{last.have - last.end} {last.unit}'
        if last.end < last.have
        else f'training stops {last.end - last.have} {last.unit} before the learning rate has fallen to its last value',
        f'{last.key}.{ended}={right}, or {last.longer(last.end)}',
    )
