"""Loss and labels on a GPU: the kernels and the strips against the CPU, no wait, in a CUDA graph."""

import pytest
import torch
from torch.testing import assert_close

from mmseg_vitseg.ops.fused.setting import VARIABLE
from mmseg_vitseg.ops.resampling import unchanged
from mmseg_vitseg.ops.upsample_argmax import argmax_of
from mmseg_vitseg.ops.upsample_loss import upsample_cross_entropy

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')]
CHAIN = (
    unchanged((12, 14)).resized((24, 28), False).cropped(1, 23, 0, 28).flipped('horizontal').resized((50, 61), False)
)


def step(logits, labels):
    """Return loss, accuracy, gradient, classes and their probabilities."""
    x = logits.detach().requires_grad_()
    loss, accuracy = upsample_cross_entropy(x, labels, class_weight=[1.0] * 19)
    (gradient,) = torch.autograd.grad(loss, x)
    return loss.detach(), accuracy, gradient, *argmax_of(logits[0], CHAIN, confidence=True)


def draw(device='cuda'):
    labels = torch.randint(0, 19, (2, 50, 61))
    labels[:, :3] = 255
    return (3 * torch.randn(2, 19, 12, 14)).to(device), labels.to(device)


@pytest.mark.parametrize('fused', ['1', '0'])
def test_as_on_a_cpu(fused, monkeypatch):
    monkeypatch.setenv(VARIABLE, fused)
    logits, labels = draw()
    for here, there in zip(step(logits, labels), step(logits.cpu(), labels.cpu()), strict=True):
        assert_close(here.cpu(), there)


@pytest.fixture
def needs_triton():
    pytest.importorskip('triton', reason='triton is not installed')
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip('a GPU older than Ampere')


@pytest.mark.usefixtures('needs_triton')
def test_nothing_waits():
    logits, labels = draw()
    step(logits, labels)  # compiled, and the tables copied
    torch.cuda.set_sync_debug_mode('error')
    try:
        step(logits, labels)
    finally:
        torch.cuda.set_sync_debug_mode('default')


@pytest.mark.usefixtures('needs_triton')
def test_in_a_cuda_graph():
    logits, labels = draw()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        step(logits, labels)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step(logits, labels)
    others = draw()
    logits.copy_(others[0])
    labels.copy_(others[1])
    graph.replay()
    assert_close(captured, step(*others), rtol=0, atol=0)


@pytest.mark.usefixtures('needs_triton')
def test_a_label_that_is_no_class_makes_the_loss_nan():
    logits, labels = draw()
    labels[0, 20, 20] = 19
    assert upsample_cross_entropy(logits, labels).loss.isnan()
