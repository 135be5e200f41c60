"""Counting every call that reaches the device, where the device is meta."""

import collections
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mmseg_vitseg.benchmark.counting.convolutions import relaid
from mmseg_vitseg.benchmark.counting.costs import WAITING, cost_of
from mmseg_vitseg.benchmark.counting.parts import Parts
from mmseg_vitseg.ops.fused.costs import COSTS
from mmseg_vitseg.ops.fused.setting import is_fused
from mmseg_vitseg.registry import SCOPE

COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd
OF_ANY_DEVICE = torch._C.DispatchKey.CompositeExplicitAutograd
COPY = 'copy between host and device'


@dataclass
class Counts:
    """What a CUDA device would be asked to do.

    Args:
        launches: kernels, by the name of the call.
        launches_loss: those of loss or labels.
        waits: for how often the host waits for the device, by the name of the call: a number, indices or labels are read, or
            something is copied between the two, and not with ``non_blocking``.
        moved: bytes that kernels read and write.
    """

    launches: collections.Counter[str] = field(default_factory=collections.Counter)
    launches_loss: collections.Counter[str] = field(default_factory=collections.Counter)
    waits: collections.Counter[str] = field(default_factory=collections.Counter)
    moved: int = 0


class Counter(TorchDispatchMode):
    """Within it, calls on meta tensors are counted; on others they are the host's own work.

    The meta device has no values. Where a program asks for one, it gets 1; where it asks which elements of a mask are true,
    all of them.
    """

    def __init__(self):
        super().__init__()
        self.counts = Counts()
        self._parts = Parts()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), COMPOSITE):
            with self:  # it is made of others, which autograd shows one by one, but inference mode does not
                return func._op_dk(COMPOSITE, *args, **kwargs)
        in_loss = self._parts.is_loss_or_labels()
        name = func.overloadpacket.__name__
        given = _tensors((args, kwargs))
        on_device = any(one.is_meta for one in given)
        if on_device and func.namespace == SCOPE and not (name in COSTS and is_fused(given[0])):
            with self:  # what it does without a kernel of its own
                return func._op_dk(OF_ANY_DEVICE, *args, **kwargs)
        if on_device and name in ('index', 'index_put', 'index_put_', '_index_put_impl_'):
            args = self._with_indices(args, in_loss)
        result = _found(func, name, args, kwargs) if on_device else func(*args, **kwargs)
        made = _tensors(result)
        if any(one.is_meta for one in (*given, *made)):
            if name not in ('_to_copy', 'copy_') or all(one.is_meta for one in (*given, *made)):
                self._note(func, name, args, kwargs, result, in_loss)
            elif not (kwargs.get('non_blocking') or True in args[2:3]):  # copy_'s third argument
                self.wait(COPY)
        return result

    def wait(self, name: str) -> None:
        """Count a wait that is not seen as a call."""
        self.counts.waits[name] += 1

    def _note(self, func, name: str, args: Sequence, kwargs: Mapping, result: object, in_loss: bool) -> None:
        is_own = func.namespace == SCOPE
        cost = COSTS[name](*args, **kwargs) if is_own else cost_of(func, args, kwargs, result)
        self.counts.launches[name] += cost.launches
        if in_loss:
            self.counts.launches_loss[name] += cost.launches
        self.counts.moved += cost.moved
        if name in WAITING:
            self.counts.waits[name] += 1

    def _with_indices(self, args: Sequence, in_loss: bool) -> tuple:
        """Return the arguments with indices in place of masks, as torch makes them."""
        found: list[Tensor | None] = []
        for one in args[1]:
            if one is None or one.dtype not in (torch.bool, torch.uint8):
                found.append(one)
                continue
            nonzero = torch.ops.aten.nonzero.default
            indices: Tensor = _found(nonzero, 'nonzero', (one,), {})
            self._note(nonzero, 'nonzero', (one,), {}, indices, in_loss)
            found += indices.unbind(1)
        return args[0], found, *args[2:]


def _tensors(tree: object) -> list[Tensor]:
    return [one for one in tree_leaves(tree) if isinstance(one, Tensor)]


def _found(func, name: str, args: Sequence, kwargs: Mapping):
    """Call on the meta device; where it has no answer, make one."""
    first = args[0]
    if name == '_local_scalar_dense':
        return torch.ones((), dtype=first.dtype).item()
    if name == 'equal':
        return True
    if name == 'nonzero':
        return first.new_empty(first.numel(), first.ndim, dtype=torch.int64)
    if name == 'masked_select':
        return first.new_empty(args[1].numel())
    device = kwargs.get('device')
    if name == '_to_copy' and device is not None and torch.device(device).type != 'meta':
        return torch.ones(first.shape, dtype=kwargs.get('dtype') or first.dtype, device=device)
    if name == 'copy_' and not first.is_meta:
        return first.fill_(1)
    result = func(*args, **kwargs)
    return relaid(name, args, result) if name in ('convolution', 'convolution_backward') else result
