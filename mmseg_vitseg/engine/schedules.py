"""Schedules of the learning rate that tell the backbone from all else."""

from mmengine.optim.scheduler.param_scheduler import INF, _ParamScheduler

from mmseg_vitseg.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class TwoStageWarmUpPolyLR(_ParamScheduler):
    """The learning rate warms up in the heads first, then in the backbone, and falls as a power (EoMT, arXiv 2503.19108).

    At step t of T, the factor on a group's rate is, of all but the backbone, t / head_steps, and after these
    (1 - (t - head_steps) / (T - head_steps)) ** power. Of the backbone it is 0 until t = head_steps, then rises linearly for
    backbone_steps, and falls as a power from there, so that both arrive at 0 at T.

    Needs ``constructor='mmseg_vitseg.ViTLayerDecayConstructor'``, which says what is the backbone's
    (``layer_decay_rate=1`` for equal rates).

    Args:
        head_steps, backbone_steps: iterations of the two stages; together fewer than T.
        power: of the fall.
        begin, end: iterations; T = end - begin. The Runner's ``end`` is the training's.
        by_epoch: False must be written: the Runner counts ``end`` in epochs else.
        optimizer, last_step, verbose: the host's.

    Raises:
        ValueError: epochs are counted, the stages do not fit into the training, or the groups do not say what they are.
    """

    def __init__(
        self,
        optimizer,
        *,
        head_steps: int = 500,
        backbone_steps: int = 1000,
        power: float = 0.9,
        begin: int = 0,
        end: int = INF,
        by_epoch: bool = True,
        last_step: int = -1,
        verbose: bool = False,
    ):
        if by_epoch:
            raise ValueError('TwoStageWarmUpPolyLR: it counts iterations; write by_epoch=False')
        if head_steps + backbone_steps >= end - begin:
            raise ValueError(
                f'TwoStageWarmUpPolyLR: head_steps={head_steps} and backbone_steps={backbone_steps} of '
                f'{end - begin} iterations; allowed: together fewer than these'
            )
        parts = [group.get('part') for group in optimizer.param_groups]
        if 'backbone' not in parts:
            raise ValueError(
                "TwoStageWarmUpPolyLR: no group of the optimizer is known as the backbone's; write "
                "optim_wrapper=dict(constructor='mmseg_vitseg.ViTLayerDecayConstructor', "
                'paramwise_cfg=dict(layer_decay_rate=1)), and leave something of the backbone unfrozen'
            )
        # (first step, length) of each group's warm-up; the host's own last group, the rate that is logged, is as the heads
        self.warm_ups = [(head_steps, backbone_steps) if part == 'backbone' else (0, head_steps) for part in parts]
        self.power = power
        super().__init__(optimizer, 'lr', begin, end, last_step, by_epoch, verbose)

    def _get_value(self) -> list[float]:
        return [base * self._factor(*warm_up) for base, warm_up in zip(self.base_values, self.warm_ups, strict=True)]

    def _factor(self, start: int, length: int) -> float:
        step, warm = self.last_step, start + length
        if step < start:
            return 0.0
        if step < warm:
            return (step - start) / length
        return (1 - (step - warm) / (self.end - self.begin - warm)) ** self.power
