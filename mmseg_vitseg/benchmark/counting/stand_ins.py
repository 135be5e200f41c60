"""What the meta device does in another way than CUDA, in CUDA's."""

from collections.abc import Callable
from functools import cache
from types import FunctionType

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from mmseg_vitseg.benchmark.counting.autocast import Casts
from mmseg_vitseg.benchmark.counting.counter import Counter

HALVES = (torch.float16, torch.bfloat16)


class StandIns(TorchFunctionMode):
    """Within it, attention and dropout are the calls that they are on CUDA, autocast casts, and tensors that are made of
    numbers are copied there.

    Args:
        counter: counts the copies, which the meta device does without.
    """

    def __init__(self, counter: Counter):
        super().__init__()
        self._counter = counter
        self._casts = Casts()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        args, kwargs = self._casts(func.__name__, args, kwargs or {})
        if func is F.scaled_dot_product_attention:
            return attention(*args, **kwargs)
        if func is F.dropout:
            return dropout(*args, **kwargs)
        if isinstance(func, FunctionType) and func.__globals__ is vars(F):
            with self:
                return _body(func)(*args, **kwargs)
        result = func(*args, **kwargs)
        if func in (torch.tensor, torch.as_tensor, Tensor.new_tensor) and result.is_meta:
            self._counter.wait(func.__name__)
        return result


@cache
def _body(func: FunctionType) -> Callable:
    """Return one of torch's functions without its look for a mode: its calls then are seen, not it alone."""
    looks = {name: _nothing for name in vars(F) if name.startswith('has_torch_function')}
    body = FunctionType(
        func.__code__, {**func.__globals__, **looks}, func.__name__, func.__defaults__, func.__closure__
    )
    body.__kwdefaults__ = func.__kwdefaults__
    return body


def _nothing(*_) -> bool:
    return False


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Attend by the fused kernels that torch chooses on CUDA: in half precision, without a mask, another than else."""
    trained = torch.is_grad_enabled() and any(one.requires_grad for one in (query, key, value))
    if query.dtype in HALVES and attn_mask is None:
        flash = torch.ops.aten._scaled_dot_product_flash_attention
        return flash(query, key, value, dropout_p, is_causal, scale=scale)[0]
    efficient = torch.ops.aten._scaled_dot_product_efficient_attention
    return efficient(query, key, value, attn_mask, trained, dropout_p, is_causal, scale=scale)[0]


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Drop by one kernel, where there is something to drop."""
    if training and 0 < p < 1 and not inplace:
        return torch.native_dropout(input, p, True)[0]
    return (torch.dropout_ if inplace else torch.dropout)(input, p, training)
