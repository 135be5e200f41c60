"""What the meta device does in another way than CUDA, in CUDA's."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from mmseg_vitseg.benchmark.counting.counter import Counter

HALVES = (torch.float16, torch.bfloat16)


class StandIns(TorchFunctionMode):
    """Within it, attention and dropout are the calls that they are on CUDA, and tensors made of numbers are copied there.

    Args:
        counter: counts the copies, which the meta device does without.
    """

    def __init__(self, counter: Counter):
        super().__init__()
        self.counter = counter

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            return attention(*args, **kwargs)
        if func is F.dropout:
            return dropout(*args, **kwargs)
        result = func(*args, **kwargs)
        if func in (torch.tensor, torch.as_tensor, Tensor.new_tensor) and result.is_meta:
            self.counter.wait(func.__name__)
        return result


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **options,
) -> Tensor:
    """Attend by the fused kernels that torch chooses on CUDA: in half precision, without a mask, another than else."""
    options.pop('enable_gqa', None)
    trained = torch.is_grad_enabled() and any(one.requires_grad for one in (query, key, value))
    if query.dtype in HALVES and attn_mask is None:
        flash = torch.ops.aten._scaled_dot_product_flash_attention
        return flash(query, key, value, dropout_p, is_causal, **options)[0]
    efficient = torch.ops.aten._scaled_dot_product_efficient_attention
    return efficient(query, key, value, attn_mask, trained, dropout_p, is_causal, **options)[0]


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Drop by one kernel, where there is something to drop."""
    if not training or not 0 < p < 1 or inplace:
        return torch.dropout_(input, p, training) if inplace else torch.dropout(input, p, training)
    return torch.native_dropout(input, p, True)[0]
