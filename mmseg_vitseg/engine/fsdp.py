"""The host's FSDPStrategy, which shares a model out among processes, with our blocks as its units."""

import copy
from pathlib import Path

import torch
from mmengine._strategy import FSDPStrategy as HostFSDPStrategy
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.checkpoints.accounting import account_for
from mmseg_vitseg.engine.running.terminal import point_to_log
from mmseg_vitseg.host_messages import printed_lines_left_out
from mmseg_vitseg.models.layers import Block
from mmseg_vitseg.registry import FUNCTIONS, STRATEGIES

GATHERED_ANEW = (ShardingStrategy.FULL_SHARD, ShardingStrategy.HYBRID_SHARD)  # weights, at each forward pass


@FUNCTIONS.register_module()
def is_block(module: nn.Module) -> bool:
    """Tell the transformer blocks of our backbones: ``activation_checkpointing=dict(check_fn='mmseg_vitseg.is_block')``."""
    return isinstance(module, Block)


@FUNCTIONS.register_module()
def wrap_blocks(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """Make each block a unit of its own, all else one: ``model_wrapper=dict(auto_wrap_policy='mmseg_vitseg.wrap_blocks')``.

    So gradients are shared out block by block, while the backward pass goes on (Zhao et al., "PyTorch FSDP", 2023,
    section 3).

    Args:
        module: a part of the model.
        recurse: whether torch asks if it is to look into the part; else, if the part is a unit.
        nonwrapped_numel: how many parameters it has that are in no unit yet.
    """
    return recurse or is_block(module)


@STRATEGIES.register_module()
class FSDPStrategy(HostFSDPStrategy):
    """The host's FSDPStrategy, mended, for ``runner_type='FlexibleRunner'`` and ``state_dict_cfg='full'``.

    Checkpoints are the files that they are without it, of whole weights. The host's

    - cannot resume: it names torch's arguments in the order that they had before torch 2.1;
    - leaves out of a checkpoint what an optimizer wrapper adds, such as the scale of losses;
    - writes under the final name, so that an interruption leaves half a file (it does not heed ``backend_args``, by which
      AtomicCheckpointHook does that);
    - loads of a checkpoint what fits;
    - clips each process's share of the gradient by that share's norm;
    - builds the optimizer on shares, which are all of one dimension, so that rules by shape do not hold.

    Raises:
        ValueError: see :meth:`build_model`.
    """

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the host's logger, as short in the terminal as other trainings'."""
        logger = super().build_logger(*args, **kwargs)
        point_to_log(logger, Path(self.log_dir, f'{self._timestamp}.log'))
        return logger

    def load_checkpoint(self, *args, **kwargs) -> dict:
        """Load a checkpoint, whose name the log has, without a printed line on how it is read."""
        with printed_lines_left_out():
            return super().load_checkpoint(*args, **kwargs)

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        """Build the model, and keep its names and shapes.

        Raises:
            ValueError: checkpoints are not to be ``'full'``; or the model predicts in windows, and weights would be gathered
                anew for each: processes have pictures of different numbers of windows, and would wait for each other for
                ever.
        """
        if not self._is_full_state_dict():
            raise ValueError(
                "FSDPStrategy: state_dict_cfg is not 'full', one file that every tool reads; nothing else will do"
            )
        model = super().build_model(model)
        name = (self.model_wrapper or {}).get('sharding_strategy') or ShardingStrategy.FULL_SHARD
        strategy = ShardingStrategy[name] if isinstance(name, str) else name
        if strategy in GATHERED_ANEW and (getattr(model, 'test_cfg', None) or {}).get('mode') == 'slide':
            raise ValueError(
                f"FSDPStrategy: sharding_strategy={strategy.name} and test_cfg.mode='slide': processes would wait for each "
                "other for ever; allowed: sharding_strategy='SHARD_GRAD_OP', or test_cfg.mode='whole'"
            )
        self.unshared = copy.deepcopy(model).to('meta')
        return model

    def build_optim_wrapper(self, optim_wrapper: dict, model: FullyShardedDataParallel) -> OptimWrapper:
        """Build the optimizer while parameters have their own shapes."""
        with FullyShardedDataParallel.summon_full_params(model, writeback=False):
            wrapper = super().build_optim_wrapper(optim_wrapper, model)
        if wrapper.clip_grad_kwargs and wrapper.grad_name == 'grad_norm':
            wrapper.clip_func = lambda parameters, **limits: model.clip_grad_norm_(**limits)
        return wrapper

    def save_checkpoint(self, filename: str, **kwargs) -> None:
        """Gather weights and states, and write them, in the first process; every process must call this."""
        if not is_main_process():
            super().save_checkpoint(filename, **kwargs)
            return
        with whole(Path(filename), durable=True) as temporary:
            super().save_checkpoint(str(temporary), **kwargs)

    def optim_state_dict(self) -> dict:
        """Return the whole optimizer's state under the parameters' names, and what the wrapper adds."""
        gathered = FullyShardedDataParallel.optim_state_dict(self.model, self.optim_wrapper.optimizer)
        return {**self.optim_wrapper.state_dict(), **gathered}

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Take this process's share of a whole optimizer's state, and what the wrapper adds.

        Raises:
            ValueError: it is of a training of whole models, whose optimizer numbers the parameters in an order of its own.
        """
        if any(isinstance(name, int) for group in state_dict['param_groups'] for name in group['params']):
            raise ValueError(
                'FSDPStrategy: the checkpoint is of a training without FSDP, which it cannot resume; to start from its '
                'weights, --cfg-options load_from=FILE in place of --resume'
            )
        core = {name: state_dict[name] for name in ('state', 'param_groups')}
        share = FullyShardedDataParallel.optim_state_dict_to_load(self.model, self.optim_wrapper.optimizer, core)
        self.optim_wrapper.load_state_dict({**state_dict, **share})

    def load_model_state_dict(self, state_dict: dict[str, Tensor], **host_arguments) -> None:
        """Load a whole model's weights, of any source that checkpoints/ knows, or nothing.

        Raises:
            ValueError: they do not fit.
        """
        from_scratch = getattr(self.unshared, 'from_scratch', ())
        filled = account_for(self.unshared, state_dict, 'the checkpoint', from_scratch).weights
        with FullyShardedDataParallel.summon_full_params(self.model), torch.no_grad():
            tensors = dict([*self.model.named_parameters(), *self.model.named_buffers()])
            own = {name.replace('_checkpoint_wrapped_module.', ''): tensor for name, tensor in tensors.items()}
            for name, value in filled.items():
                if not value.is_meta:  # else it starts from scratch
                    own[name].copy_(value)
