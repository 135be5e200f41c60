"""Autocast as on CUDA, for the meta device, which has none: torch's switch is CUDA's, the casts are done here.

Which function runs in which dtype: https://docs.pytorch.org/docs/stable/amp.html, "CUDA Ops that can autocast".
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

# by name: each is a function of torch's, a method of a tensor, or an operator
HALF = {
    *('linear', 'matmul', '__matmul__', '__rmatmul__', 'mm', 'mv', 'bmm', 'addmm', 'baddbmm', 'addbmm'),
    *('conv1d', 'conv2d', 'conv3d', 'conv_transpose1d', 'conv_transpose2d', 'conv_transpose3d', 'prelu'),
    'scaled_dot_product_attention',
}
FULL = {
    *(
        'layer_norm',
        'group_norm',
        'softmax',
        'log_softmax',
        'cross_entropy_loss',
        'nll_loss',
        'nll_loss_nd',
        'softplus',
    ),
    *('binary_cross_entropy_with_logits', 'mse_loss', 'l1_loss', 'smooth_l1_loss', 'kl_div', 'cosine_similarity'),
    *('sum', 'prod', 'cumsum', 'norm', 'logsumexp', 'exp', 'log', 'log1p', 'pow', '__pow__', 'rsqrt', 'reciprocal'),
    *('upsample_nearest2d', 'upsample_bilinear2d', 'upsample_bicubic2d'),
}


@contextmanager
def autocast(dtype: torch.dtype | None) -> Iterator[None]:
    """Turn CUDA's autocast on, as torch.autocast does where there is a GPU, or leave it for None."""
    before = torch.is_autocast_enabled('cuda'), torch.get_autocast_dtype('cuda')
    torch.set_autocast_enabled('cuda', dtype is not None)
    torch.set_autocast_dtype('cuda', dtype or before[1])
    try:
        yield
    finally:
        torch.set_autocast_enabled('cuda', before[0])
        torch.set_autocast_dtype('cuda', before[1])


class Casts:
    """Casts what functions are given, and keeps the casts of weights, as torch does within one step."""

    def __init__(self):
        self._weights: dict[int, tuple[Tensor, Tensor]] = {}  # the weight too: while it is there, its id is no other's

    def __call__(self, name: str, args: Sequence, kwargs: Mapping) -> tuple[Sequence, Mapping]:
        """Return the arguments of a function as autocast hands them on."""
        if not torch.is_autocast_enabled('cuda') or name not in HALF | FULL:
            return args, kwargs
        dtype = torch.get_autocast_dtype('cuda') if name in HALF else torch.float32
        return tree_map_only(Tensor, lambda one: self._cast(one, dtype), (args, kwargs))

    def _cast(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        if not x.is_meta or not x.is_floating_point() or x.dtype in (dtype, torch.float64):
            return x
        if not (x.requires_grad and x.is_leaf and x.dtype == torch.float32):
            return x.to(dtype)
        if id(x) not in self._weights:
            self._weights[id(x)] = x, x.to(dtype)
        return self._weights[id(x)][1]
