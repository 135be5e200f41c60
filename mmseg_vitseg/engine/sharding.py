"""What the host's FSDPStrategy asks of a model: which of its parts are sharded, and computed again, one by one."""

from contextlib import nullcontext
from pathlib import Path

from mmengine._strategy import FSDPStrategy as HostFSDPStrategy
from mmengine.dist import is_main_process
from mmengine.optim import OptimWrapper
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.models.layers import Block
from mmseg_vitseg.models.mit import MixBlock
from mmseg_vitseg.registry import FUNCTIONS, STRATEGIES


@FUNCTIONS.register_module()
def is_block(module: nn.Module) -> bool:
    """Tell the transformer blocks of our backbones: ``activation_checkpointing=dict(check_fn='mmseg_vitseg.is_block')``."""
    return isinstance(module, (Block, MixBlock))


@FUNCTIONS.register_module()
def wrap_blocks(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """Make each block a unit of its own, all else one: ``model_wrapper=dict(auto_wrap_policy='mmseg_vitseg.wrap_blocks')``.

    So a GPU holds the whole weights of one block at a time (and of the next, which is on its way), beside its own shard of
    all (Zhao et al., "PyTorch FSDP", 2023, section 3).

    Args:
        module: a part of the model.
        recurse: whether torch asks if it is to look into the part; else, if the part is a unit.
        nonwrapped_numel: how many parameters it has that are in no unit yet.
    """
    return recurse or is_block(module)


@STRATEGIES.register_module()
class FSDPStrategy(HostFSDPStrategy):
    """The host's FSDPStrategy, mended.

    - Checkpoint files of full weights appear whole or not at all. (Under a strategy the host does not heed the checkpoint
      hook's ``backend_args``, by which AtomicCheckpointHook does that.)
    - A training can be resumed. (The host names torch's arguments in the order that they had before torch 2.1.)
    - ``clip_grad`` clips by the norm of the whole gradient. (Each of the host's processes clips its shard by the shard's.)
    """

    def save_checkpoint(self, filename: str, **kwargs) -> None:
        """Gather the weights of all processes and write them, in the first one; all processes must call this."""
        one_file = self._is_full_state_dict() and is_main_process()  # else a folder of shards, or nothing
        with whole(Path(filename)) if one_file else nullcontext(filename) as name:
            super().save_checkpoint(str(name), **kwargs)

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load the state of an optimizer as a checkpoint holds it."""
        optimizer = self.optim_wrapper.optimizer
        self.optim_wrapper.load_state_dict(
            FullyShardedDataParallel.optim_state_dict_to_load(self.model, optimizer, state_dict)
        )

    def build_optim_wrapper(self, optim_wrapper: dict, model: FullyShardedDataParallel | None = None) -> OptimWrapper:
        """Build the optimizer of a sharded model."""
        wrapper = super().build_optim_wrapper(optim_wrapper, model)
        if model is not None and wrapper.clip_grad_kwargs and wrapper.grad_name == 'grad_norm':
            wrapper.clip_func = lambda parameters, **limits: model.clip_grad_norm_(**limits)
        return wrapper
