"""What happens when a loss is NaN or infinite: training stops, or goes on without that batch."""

import math

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import Tensor, nn

from mmseg_vitseg.engine.hooks.finite_loss_message import describe_step, how_to_go_on
from mmseg_vitseg.registry import HOOKS

COUNT = 'train/skipped_batches'  # in the host's log, from the first on
GRAD_NORM = 'train/grad_norm'  # the host's, where gradients are clipped


class NonFiniteLossError(ValueError):
    """A loss, or the norm of the gradients, that is NaN or infinite."""


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stop training at the first loss that is NaN or infinite, or leave such batches out.

    A stop names the loss, the batch's files and the newest checkpoint that a finite loss was computed from; no checkpoint
    is written after it. A batch that is left out changes nothing: no weight, no state of the optimizer, no running mean
    of a norm (an EMAHook counts the unchanged weights once more); only the iteration is counted, by the schedule too, and
    loss scaling lowers its scale. Of gradients that are accumulated over several batches, none is applied. On several
    ranks, all stop or skip if one must.

    The losses are seen by a hook that torch calls after the model's forward pass, and a step is left out by one that it
    calls before the optimizer's, which takes the gradients away: so this works with any model, any wrapper of data
    parallelism and any OptimWrapper. Nothing waits for the GPU that did not: the verdict is read where the host reads
    the losses for its log. With ``skip`` it is read before the step. Infinite gradients of a finite loss are normal with
    loss scaling, which leaves the step out by itself; elsewhere they are met as the loss is, where the host computes their
    norm to clip them, and otherwise at the next loss.

    Args:
        skip: how many batches in a row may be left out; the next one stops the training. 0: the first one does.

    Raises:
        ValueError: ``skip`` is no whole number of at least 0, or the model has several optimizers.
        NonFiniteLossError: training stops.
    """

    priority = 'HIGHEST'  # before anything is averaged, logged or saved

    def __init__(self, *, skip: int = 0):
        if not isinstance(skip, int) or isinstance(skip, bool) or skip < 0:
            raise ValueError(
                f'FiniteLossHook: skip={skip!r}; allowed: 0, to stop at once, or how many batches in a row'
            )
        self.skip = skip
        self.losses: dict[str, Tensor] = {}  # of this rank's batch, by the host's names
        self.finite = torch.tensor(1)  # 0 where a rank's loss is not
        self.spoilt = False  # a batch that is left out is among those whose gradients have been accumulated
        self.in_a_row = 0
        self.last_finite = -1  # iteration
        self.buffers: list[Tensor] = []  # the model's: running means and the like, which a forward pass changes
        self.before: list[Tensor] = []  # what they were before the batch

    def before_train(self, runner) -> None:
        """Join the model and the optimizer."""
        wrapper = runner.optim_wrapper
        if not isinstance(wrapper, OptimWrapper):
            raise ValueError(f'FiniteLossHook: {type(wrapper).__name__}; it can only watch one optimizer: take it out')
        self.last_finite = runner.iter - 1
        self.handles = [runner.model.register_forward_hook(self._see)]
        if self.skip:
            self.buffers = list(runner.model.buffers())
            self.handles.append(
                wrapper.optimizer.register_step_pre_hook(lambda optimizer, *_: self._before_step(optimizer, wrapper))
            )

    def after_train(self, runner) -> None:
        """Leave them."""
        for handle in self.handles:
            handle.remove()

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Keep what a forward pass changes."""
        self.before = [buffer.clone() for buffer in self.buffers]

    def _see(self, model: nn.Module, inputs: tuple, outputs) -> None:
        """Note the losses of a forward pass, and whether all ranks' are finite."""
        if isinstance(outputs, dict) and model.training:
            total, losses = (model.module if is_model_wrapper(model) else model).parse_losses(outputs)
            self.losses = {name: value.detach() for name, value in losses.items()}
            self.finite = total.detach().isfinite().int()
            all_reduce(self.finite, op='min')

    def _before_step(self, optimizer: torch.optim.Optimizer, wrapper: OptimWrapper) -> None:
        """Take the gradients away from a step that must not be: the optimizer passes over parameters without."""
        if self.spoilt or not self.finite.item() or not math.isfinite(grad_norm(wrapper)):
            optimizer.zero_grad(set_to_none=True)

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Stop, or count a batch that was left out."""
        stepped, is_finite = runner.optim_wrapper.should_update(), bool(self.finite.item())
        norm = grad_norm(runner.optim_wrapper) if stepped and not self.spoilt else 0.0
        if is_finite:
            self.last_finite = runner.iter
        if is_finite and math.isfinite(norm):
            self.in_a_row = 0
        else:
            happened = describe_step(
                runner, {'grad_norm': norm} if is_finite else non_finite_losses(self.losses), data_batch
            )
            if self.in_a_row == self.skip:
                row = f'; {self.skip} batches in a row were left out before it' if self.skip else ''
                raise NonFiniteLossError(f'{happened}{row}; {how_to_go_on(runner, self.last_finite, self.skip)}')
            self._leave_out(runner, happened)
            if outputs is not None:
                outputs.clear()  # the host would average them with those of the next iterations
            self.spoilt = True
        self.spoilt &= not stepped

    def _leave_out(self, runner, happened: str) -> None:
        """Undo the forward pass, and count."""
        self.in_a_row += 1
        for buffer, before in zip(self.buffers, self.before, strict=True):
            buffer.copy_(before)
        counted = runner.message_hub.log_scalars.get(COUNT)
        count = 1 if counted is None else counted.current() + 1
        runner.message_hub.update_scalar(COUNT, count)
        runner.logger.warning(f'{happened}; left out: {self.in_a_row} in a row of at most {self.skip}, {count} in all')


def grad_norm(wrapper: OptimWrapper) -> float:
    """Return the norm of the last step's gradients where the host has computed it and must answer for it, else 0."""
    known = wrapper.message_hub.log_scalars.get(GRAD_NORM)
    scaled = isinstance(wrapper, AmpOptimWrapper)  # whose infinities lower the scale, and spoil nothing
    return 0.0 if known is None or scaled or not wrapper.clip_grad_kwargs else known.current()


def non_finite_losses(losses: dict[str, Tensor]) -> dict[str, float]:
    """Return the losses that are NaN or infinite: the parts, or else their sum, which the host calls ``loss``."""
    wrong = {name: value.item() for name, value in losses.items() if 'loss' in name and not value.isfinite()}
    return {name: value for name, value in wrong.items() if name != 'loss'} or wrong
