"""What the host's FSDPStrategy asks of a model: which of its parts are sharded, and computed again, one by one."""

from contextlib import nullcontext
from pathlib import Path

from mmengine._strategy import FSDPStrategy
from mmengine.dist import is_main_process
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
class AtomicFSDPStrategy(FSDPStrategy):
    """The host's FSDPStrategy, whose checkpoint files of full weights appear whole or not at all, and can be resumed from.

    Under a strategy the host does not heed the checkpoint hook's ``backend_args``, by which AtomicCheckpointHook does that.
    """

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load an optimizer's state; the host names torch's arguments in the order that they had before torch 2.1."""
        optimizer = self.optim_wrapper.optimizer
        self.optim_wrapper.load_state_dict(
            FullyShardedDataParallel.optim_state_dict_to_load(self.model, optimizer, state_dict)
        )

    def save_checkpoint(self, filename: str, **kwargs) -> None:
        """Gather the weights of all processes and write them, in the first one; all processes must call this."""
        one_file = self._is_full_state_dict() and is_main_process()  # else a folder of shards, or nothing
        with whole(Path(filename)) if one_file else nullcontext(filename) as name:
            super().save_checkpoint(str(name), **kwargs)
