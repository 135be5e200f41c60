"""Resuming with other settings than those that a checkpoint was trained with: longer, at another learning rate ..."""

import copy
import itertools

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import EpochBasedTrainLoop, FlexibleRunner, Runner

from mmseg_vitseg.config.parts import quiet
from mmseg_vitseg.engine.resuming.newest import RUNS
from mmseg_vitseg.engine.resuming.optimizers import Training, groups_of, take_groups
from mmseg_vitseg.engine.resuming.replaying import replay
from mmseg_vitseg.engine.resuming.trained_settings import changes, read_settings
from mmseg_vitseg.errors import first_line


class ResumingHook(Hook):
    """What the config says of learning rates, momenta and weight decay holds from the resumed step on.

    The host goes on with what the checkpoint holds, schedules' ends included. Here, where the checkpoint was trained with
    other settings, its optimizer's state (moments, step counts) is taken, and its groups' settings and its schedulers become
    those of a training with the present config from the start. Where nothing of it has changed, nothing is touched.
    """

    def before_train(self, runner: Runner | FlexibleRunner) -> None:
        """Note in all checkpoints to come which runs led to them."""
        runs = runner.message_hub.get_info(RUNS, [])
        runner.message_hub.update_info(RUNS, [*runs, runner.experiment_name])

    def before_save_checkpoint(self, runner: Runner | FlexibleRunner, checkpoint: dict) -> None:
        """Leave out schedulers' functions (OneCycleLR's), which a new one has, and whose reading could run code."""
        states = checkpoint.get('param_schedulers') or []
        for state in itertools.chain(*states.values()) if isinstance(states, dict) else states:
            for name in [name for name, value in state.items() if callable(value)]:
                del state[name]

    def after_load_checkpoint(self, runner: Runner | FlexibleRunner, checkpoint: dict) -> None:
        """Change a checkpoint that is about to be resumed from."""
        if not runner._resume or 'optimizer' not in checkpoint:
            return
        meta, known = checkpoint['meta'], checkpoint['message_hub'].setdefault('runtime_info', {})
        known.setdefault(RUNS, [meta.get('experiment_name', '')])  # of the host's tools
        checkpoint['message_hub'].setdefault('resumed_keys', {})[RUNS] = True
        trained, now = (read_settings(text) for text in (meta.get('cfg', ''), runner.cfg.pretty_text))
        if trained is None or now is None:
            _warn(
                runner, 'The checkpoint does not say in a readable form what optimizer and schedule it was trained with'
            )
            return
        lengths = _epoch_lengths(runner, checkpoint)
        scaled = any((one.get('auto_scale_lr') or {}).get('enable') for one in (trained, now))
        if trained == now and lengths[0] == lengths[1] and not scaled:
            return
        try:
            with quiet():  # it was said of the present optimizer
                earlier = _build(runner, trained, checkpoint, lengths[0])
        except Exception as error:  # of classes that are no more, say
            why = f'{type(error).__name__}: {first_line(error)}'
            _warn(
                runner, f'The optimizer and the schedule of the checkpoint cannot be built here to be compared ({why})'
            )
            return
        if rates := _take_new_settings(runner, checkpoint, earlier, lengths):
            what = changes(trained, now) or f'an epoch has {lengths[1]} iterations, and had {lengths[0]}'
            runner.logger.info(f'Resumed with other settings: {what}. {rates}')


def _warn(runner: Runner | FlexibleRunner, why: str) -> None:
    runner.logger.warning(f'{why}, so both go on as the checkpoint has them, whatever the config says.')


def _epoch_lengths(runner: Runner | FlexibleRunner, checkpoint: dict) -> tuple[int, int]:
    """Return how many iterations an epoch had and has; where a training counts iterations, it is taken to be as now."""
    now, known = len(runner.train_dataloader), checkpoint['message_hub'].get('runtime_info') or {}
    epochs, iterations = known.get('max_epochs'), known.get('max_iters')
    by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
    return (iterations // epochs if by_epoch and epochs and iterations else now), now


def _build(
    runner: Runner | FlexibleRunner, settings: dict, checkpoint: dict, epoch_length: int
) -> dict[str | None, Training]:
    """Build the optimizer that a checkpoint was trained with, on the present model, and its schedulers."""
    given = settings['optim_wrapper']
    wanted = {name: given[name] for name in ('constructor', 'optimizer', 'paramwise_cfg') if name in given}
    # another wrapper changes nothing here, and may ask for a GPU
    node = copy.deepcopy({'type': 'OptimWrapper', **wanted} if given.get('optimizer') else given)
    if isinstance(runner, Runner):
        built = runner.build_optim_wrapper(node)
    else:
        built = runner.strategy.build_optim_wrapper(node, runner.model)
    ends = {True: 'max_epochs', False: 'max_iters'}
    known = {**(checkpoint['message_hub'].get('runtime_info') or {}), **(settings.get('train_cfg') or {})}
    nodes, found = settings.get('param_scheduler') or [], {}
    for name, wrapper in by_optimizer(built).items():
        if (settings.get('auto_scale_lr') or {}).get('enable'):  # by how many processes there were: see what came of it
            for group, saved in zip(
                wrapper.param_groups, groups_of(by_optimizer(checkpoint['optimizer'], built)[name]), strict=True
            ):
                group['lr'] = saved.get('initial_lr', saved['lr'])
        own = nodes[name] if isinstance(nodes, dict) and 'type' not in nodes else nodes
        schedulers = []
        for one in [own] if isinstance(own, dict) else own:
            default = dict(end=known.get(ends[one.get('by_epoch', True)])) if 'end' not in one else {}
            defaults = dict(optimizer=wrapper, epoch_length=epoch_length)
            schedulers.append(PARAM_SCHEDULERS.build({**one, **default}, default_args=defaults))
        found[name] = Training.at_start(wrapper, schedulers)
    return found


def _take_new_settings(
    runner: Runner | FlexibleRunner, checkpoint: dict, earlier: dict[str | None, Training], lengths: tuple[int, int]
) -> str:
    """Put the present settings in place of a checkpoint's where they differ; return what holds now, '' if none does."""
    saved, said = by_optimizer(checkpoint['optimizer'], runner.optim_wrapper), ''
    schedulers = by_optimizer(runner.param_schedulers or [], runner.optim_wrapper)
    states = by_optimizer(checkpoint.get('param_schedulers') or [], runner.optim_wrapper)
    for name, wrapper in by_optimizer(runner.optim_wrapper).items():
        now = Training.at_start(wrapper, schedulers[name])
        if now.is_like(earlier[name]):
            continue
        before = groups_of(saved[name])[-1].get('lr', 0)
        done = _steps(runner, checkpoint['meta'], lengths)
        replay(now.schedulers, wrapper, **done)
        notes = [_keep_scores(now, earlier[name], states.get(name) or [], groups_of(saved[name]), done)]
        notes.append(take_groups(saved[name], now, earlier[name]))
        states[name] = [one.state_dict() for one in now.schedulers]
        after = wrapper.param_groups[-1].get('lr', 0)
        place = f'epoch {checkpoint["meta"]["epoch"] + 1}' if isinstance(runner.train_loop, EpochBasedTrainLoop) else ''
        place = place or f'iteration {checkpoint["meta"]["iter"] + 1}'
        said += (
            f'{f"{name}: " if name else ""}From {place} on all is as in a training with them from the start: the '
            f'learning rate is {after:.4g} ({before:.4g} in the checkpoint). {"".join(filter(None, notes))}'
        )
    if said and runner.param_schedulers is not None:
        checkpoint['param_schedulers'] = states.get(None, states)
    return said


def _steps(runner: Runner | FlexibleRunner, meta: dict, lengths: tuple[int, int]) -> dict[str, int]:
    """Return how far a training with the present settings would be: in an epoch loop, as many epochs."""
    if not isinstance(runner.train_loop, EpochBasedTrainLoop):
        return dict(epochs=0, iterations=meta['iter'], epoch_length=lengths[1])
    begun = meta['iter'] - meta['epoch'] * lengths[0]  # iterations of an epoch that was not finished
    begun = round(begun * lengths[1] / lengths[0]) if 0 < begun < lengths[0] else 0
    return dict(epochs=meta['epoch'], iterations=meta['epoch'] * lengths[1] + begun, epoch_length=lengths[1])


def _keep_scores(now: Training, earlier: Training, states: list[dict], saved: list[dict], done: dict[str, int]) -> str:
    """Let schedulers that wait for scores go on from those that the checkpoint has seen, with the reductions they made."""
    pairs = zip(earlier.schedulers, states, strict=False)
    seen = [state for one, state in pairs if getattr(one, 'need_val_args', False)]
    waiting = [one for one in now.schedulers if getattr(one, 'need_val_args', False)]
    if not (seen and waiting):
        return ''
    for one, state in zip(waiting, seen, strict=False):
        names = ('best', 'num_bad_epochs', 'cooldown_counter', 'last_step', '_global_step')
        vars(one).update({name: state[name] for name in names if name in state})
    replay(earlier.schedulers, earlier.wrapper, **done)  # what it would have been without reductions
    if len(saved) == len(now.groups) == len(earlier.groups):
        for name in {one.param_name for one in waiting}:
            for group, old, was in zip(now.wrapper.param_groups, saved, earlier.wrapper.param_groups, strict=True):
                group[name] *= old[name] / was[name] if was[name] else 1
    return f'{type(waiting[0]).__name__} goes on from the scores so far, and its reductions stay. '


def by_optimizer(thing, like=None) -> dict:
    """Return what belongs to several optimizers by name; what belongs to one under the name None."""
    several = isinstance(thing if like is None else like, OptimWrapperDict)
    return dict(thing.items()) if several else {None: thing}
