"""What a call of torch's asks of a CUDA device: launches and bytes.

Kernels are those of torch's own CUDA code, and one for each call into cuDNN or cuBLAS, which may launch more. Bytes are
those of what is read and written, each tensor once: what a cache saves, and what a kernel reads twice, is not known.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from mmseg_vitseg.benchmark.counting import convolutions
from mmseg_vitseg.ops.fused.costs import Cost, moved_bytes

# Memory is given out, or seen in another shape: nothing is launched. Views by torch's schema are known without a table.
FREE = {
    *('empty', 'empty_like', 'empty_strided', 'new_empty', 'new_empty_strided', 'resize_', 'set_'),
    *('_unsafe_view', 'is_same_size'),
}
# These write their first argument without reading it.
OVERWRITE = {'copy_', 'fill_', 'zero_', 'bernoulli_', 'normal_', 'uniform_', 'random_'}
# The host waits for what they find.
WAITING = {'_local_scalar_dense', 'nonzero', 'masked_select', 'equal', '_unique2', 'unique_dim', 'unique_consecutive'}

KERNELS: Mapping[str, int] = {
    '_local_scalar_dense': 0,  # a copy to the host
    'nonzero': 4,  # a count in two steps, a selection, its coordinates
    'native_batch_norm_backward': 2,  # sums; the input's
    'native_layer_norm_backward': 3,  # the input's; weight and bias, in two steps where there are many rows
    'nll_loss2d_backward': 2,  # zeros, then the target's element
    'slice_backward': 2,  # zeros, then a copy into them; likewise the next
    'select_backward': 2,
    'upsample_bilinear2d_backward': 2,  # zeros, to which is added; likewise the next
    'upsample_bicubic2d_backward': 2,
    'replication_pad2d_backward': 2,
    '_scaled_dot_product_efficient_attention_backward': 3,  # a product and its sums, then the gradients
    '_scaled_dot_product_flash_attention_backward': 3,  # likewise; then of the queries, to the dtype
}


def cost_of(func: torch._ops.OpOverload, args: Sequence, kwargs: Mapping, result: object) -> Cost:
    """Return what a call asks for.

    Args:
        func: of torch's operators.
        args, kwargs: given to it.
        result: what it returned.
    """
    name = func.overloadpacket.__name__
    if name in FREE or _is_view(func):
        return Cost(0, 0)
    own = OWN.get(name)
    launches = own(args, result) if own else KERNELS.get(name, 1)
    read, written = ([one for one in tree_leaves(each) if isinstance(one, Tensor)] for each in ((args, kwargs), result))
    if name in OVERWRITE:
        read = read[1:]
    if name in ('gather', 'index', 'index_select', 'embedding'):  # what is looked up, not all that could be
        indices = [one for one in read[1:] if not one.is_floating_point()]
        return Cost(launches, moved_bytes(*indices) + 2 * moved_bytes(*written))
    return Cost(launches, moved_bytes(*read, *written))


def _is_view(func: torch._ops.OpOverload) -> bool:
    if torch.Tag.inplace_view in func.tags:
        return True
    aliases = [value.alias_info for value in func._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


def _batch_norm(args: Sequence, result) -> int:
    """Statistics and normalisation; the latter alone in evaluation mode."""
    return 2 if args[5] else 1


def _sum(args: Sequence, result: Tensor) -> int:
    """Into another dtype, what is summed is converted first, but for half precision."""
    values: Tensor = args[0]
    halves = torch.float16, torch.bfloat16
    return 1 if values.dtype == result.dtype or values.dtype in halves else 2


OWN: Mapping[str, Callable[[Sequence, object], int]] = {
    'convolution': convolutions.launches,
    'convolution_backward': convolutions.launches_backward,
    'native_batch_norm': _batch_norm,
    'sum': _sum,
    'mean': _sum,
}
