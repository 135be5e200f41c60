"""What the kernels are said to cost against what their launchers do, on the meta device: each launch is only noted."""

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from mmseg_vitseg.benchmark.counting.counter import Counter
from mmseg_vitseg.ops.fused.costs import Cost, moved_bytes, of_argmax, of_cross_entropy
from mmseg_vitseg.ops.fused.taps import Tables, Taps

pytest.importorskip('triton', reason='triton is not installed; it comes with the extra [dev]')

SIZE, TARGET = (8, 8), (32, 24)
TABLES = Tables(
    *(
        Taps(torch.empty(length, 2, dtype=torch.int32, device='meta'), torch.empty(length, 2, device='meta'))
        for length in (*TARGET, *SIZE)
    )
)


@pytest.fixture
def launched(monkeypatch) -> list[tuple]:
    """The arguments of each launch of a kernel."""
    from mmseg_vitseg.ops.fused import argmax_kernel, loss_kernels

    launches: list[tuple] = []

    class Kernel:
        def __getitem__(self, grid):
            return lambda *arguments, **constants: launches.append(arguments)

    for module, name in ((loss_kernels, '_losses'), (loss_kernels, '_gradient'), (argmax_kernel, '_argmax')):
        monkeypatch.setattr(module, name, Kernel())
    return launches


def check(cost: Cost, launched: list[tuple], counter: Counter, *, copies: bool) -> None:
    """Where nothing is copied, bytes too: all but tables, class weights, partial sums, and the sums of these."""
    assert cost.launches == len(launched) + counter.counts.launches.total()
    assert not counter.counts.waits
    if copies:
        return
    small = {id(one) for one in tree_leaves(tuple(TABLES))}
    moved = 0
    for arguments in launched:
        maps = {id(one): one for one in arguments if isinstance(one, Tensor) and one.shape[-1] != 4 and one.ndim > 1}
        moved += moved_bytes(*(one for key, one in maps.items() if key not in small))
    assert cost.moved == moved


@pytest.mark.parametrize('with_gradient', [False, True])
@pytest.mark.parametrize(
    ('layout', 'weights', 'dtype'),
    [
        (torch.contiguous_format, None, torch.float32),
        (torch.channels_last, None, torch.float32),
        (torch.contiguous_format, [1.0] * 5, torch.bfloat16),
        (torch.channels_last, [1.0] * 5, torch.float16),
    ],
)
def test_loss(launched, with_gradient, layout, weights, dtype):
    from mmseg_vitseg.ops.fused.loss_kernels import cross_entropy

    logits = torch.empty(2, 5, *SIZE, dtype=dtype, device='meta').to(memory_format=layout)
    labels = torch.empty(2, *TARGET, dtype=torch.int64, device='meta')
    weight = None if weights is None else torch.empty(5, device='meta')
    with Counter() as counter:
        cross_entropy(logits, labels, weight, TABLES, 255, with_gradient)
    cost = of_cross_entropy(logits, labels, weights or [], [], [], 255, with_gradient)
    check(cost, launched, counter, copies=layout is torch.channels_last)


@pytest.mark.parametrize('confidence', [False, True])
@pytest.mark.parametrize('transposed', [False, True])
def test_labels(launched, confidence, transposed):
    from mmseg_vitseg.ops.fused.argmax_kernel import argmax

    logits = torch.empty(5, *SIZE, device='meta')
    logits = logits.transpose(1, 2) if transposed else logits
    with Counter() as counter:
        argmax(logits, TABLES, confidence)
    check(of_argmax(logits, TARGET, [], [], confidence), launched, counter, copies=transposed)
