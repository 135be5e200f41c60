"""The kernels, interpreted on CPU tensors or compiled on CUDA ones, against float64 and against strips.

test_kernels.py runs this file both ways; as it is named, pytest does not find it by itself.
"""

import os

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmseg_vitseg.ops.fused.argmax_kernel import argmax
from mmseg_vitseg.ops.fused.loss_kernels import cross_entropy
from mmseg_vitseg.ops.fused.taps import tables_of
from mmseg_vitseg.ops.resampling import resizings, unchanged
from mmseg_vitseg.ops.upsample_argmax import argmax_of
from mmseg_vitseg.ops.upsample_loss import upsample_cross_entropy

pytestmark = pytest.mark.filterwarnings('ignore:invalid value:RuntimeWarning')  # numpy's, in what is interpreted
DEVICE = 'cpu' if os.environ.get('TRITON_INTERPRET') == '1' else 'cuda'
IGNORED = 255


def draw(batch=1, classes=3, size=(2, 3), target=(4, 5)):
    logits = 3 * torch.randn(batch, classes, *size)
    labels = torch.randint(0, classes, (batch, *target))
    labels[:, 0, -1] = IGNORED
    return logits, labels


def run(logits, labels, chain, class_weight=None, ignore_index=IGNORED, with_gradient=True):
    """Return sums and gradient from the kernels, on the CPU; the same bits a second time."""
    weight = None if class_weight is None else class_weight.to(DEVICE)
    tables = tables_of(chain, torch.device(DEVICE))
    results = [
        cross_entropy(logits.to(DEVICE), labels.to(DEVICE), weight, tables, ignore_index, with_gradient)
        for _ in range(1 if DEVICE == 'cpu' else 2)
    ]
    for one, other in zip(results[0], results[-1], strict=True):
        assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    return [one.cpu() for one in results[0]]


def compare(logits, labels, sizes=(), align_corners=False, class_weight=None, ignore_index=IGNORED):
    """Compare with torch in float64, and with strips."""
    sizes = (*sizes, tuple(labels.shape[-2:]))
    chain = resizings(tuple(logits.shape[-2:]), sizes, align_corners)
    sums, gradient = run(logits, labels, chain, class_weight, ignore_index)
    x = z = logits.double().requires_grad_()
    for size in sizes:
        z = F.interpolate(z, size, mode='bilinear', align_corners=align_corners)
    weight = None if class_weight is None else class_weight.double()
    expected = F.cross_entropy(z, labels, weight, ignore_index=ignore_index, reduction='sum')
    assert_close(sums[0], expected.detach(), rtol=1e-6, atol=1e-6)
    assert_close(gradient.double(), torch.autograd.grad(expected, x)[0], rtol=1e-5, atol=2e-6)
    counted = labels != ignore_index
    weights = counted.double() if weight is None else weight[labels.where(counted, 0)] * counted
    right = (z.argmax(1) == labels) & counted
    assert_close(sums[1:], torch.stack([weights.sum(), right.sum().double(), counted.sum().double()]))

    x = logits.float().requires_grad_()
    numbers = None if class_weight is None else class_weight.tolist()
    loss, _ = upsample_cross_entropy(
        x, labels, resampling=chain, class_weight=numbers, ignore_index=ignore_index, reduction='sum'
    )
    loss.backward()
    assert_close(sums[0].float(), loss.detach())
    assert_close(gradient, x.grad, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize(
    'shape',
    [
        dict(),
        dict(batch=2, classes=5, target=(3, 4)),
        dict(size=(4, 5), target=(3, 2)),
        dict(size=(1, 1), target=(2, 3)),
        dict(target=(1, 1)),
        dict(classes=2, size=(1, 3), target=(1, 130)),
        dict(classes=2, size=(1, 130), target=(1, 130)),
    ],
    ids=str,
)
def test_any_shape(shape, align_corners):
    compare(*draw(**shape), align_corners=align_corners)


@pytest.mark.parametrize('ignore_index', [2, -100])
def test_ignored(ignore_index):
    logits, labels = draw()
    labels[labels == IGNORED] = ignore_index
    compare(logits, labels, ignore_index=ignore_index)


def test_two_resizings_and_class_weights():
    compare(*draw(target=(5, 4)), sizes=[(3, 5)], class_weight=torch.tensor([0.5, 0.0, 3.0]))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    logits, labels = draw()
    compare(logits.to(dtype), labels)


def test_the_layout_does_not_matter():
    logits, labels = draw()
    compare(logits.contiguous(memory_format=torch.channels_last), labels)


@pytest.mark.parametrize('value', [1e4, -1e4])
def test_far_apart(value):
    logits, labels = draw()
    logits[:, 1] += value
    labels[labels == 0] = 1
    compare(logits, labels)


def test_a_class_that_is_masked():
    logits, labels = draw(target=(2, 3))
    expected = run(logits[:, 1:], labels.where(labels == IGNORED, 0), unchanged((2, 3)))
    logits[:, 0] = -torch.inf
    sums, gradient = run(logits, labels.where(labels == IGNORED, 1), unchanged((2, 3)))
    assert_close(sums, expected[0])
    assert_close(gradient[:, 1:], expected[1])
    assert not gradient[:, 0].any()


def test_nothing_to_learn_from():
    logits, labels = draw()
    sums, gradient = run(logits, torch.full_like(labels, IGNORED), resizings((2, 3), ((4, 5),), False))
    assert not sums.any()
    assert not gradient.any()


@pytest.mark.parametrize('label', [-1, 3, 2**32])
def test_a_label_that_is_no_class_makes_the_sum_nan(label):
    logits, labels = draw()
    labels[0, 2, 2] = label
    sums, gradient = run(logits, labels, resizings((2, 3), ((4, 5),), False), with_gradient=False)
    assert sums[0].isnan()
    assert sums[1:].isfinite().all()
    assert gradient.shape == (0,)


@pytest.mark.parametrize('value', [torch.nan, torch.inf])
def test_logits_that_are_no_numbers_are_met(value):
    logits, labels = draw()
    logits[0, 1, 1, 1] = value
    sums, _ = run(logits, labels, resizings((2, 3), ((4, 5),), False), with_gradient=False)
    assert not sums[0].isfinite()


CHAINS = {
    'resized': unchanged((3, 4)).resized((6, 8), False),
    'corners': unchanged((3, 4)).resized((7, 9), True),
    'cropped, flipped, resized': unchanged((3, 4))
    .resized((6, 8), False)
    .cropped(1, 5, 0, 7)
    .flipped('horizontal')
    .resized((5, 6), False),
    'windows': unchanged((3, 2)).resized((6, 4), False).repeated([0], [0, 2], (6, 6)).resized((8, 9), False),
    'two blocks': unchanged((3, 4)).resized((2, 200), False),
}


@pytest.mark.parametrize('chain', CHAINS.values(), ids=CHAINS.keys())
@pytest.mark.parametrize('confidence', [False, True])
def test_argmax(chain, confidence):
    logits = torch.randn(5, 3, 4)
    labels, probabilities = argmax(logits.to(DEVICE), tables_of(chain, torch.device(DEVICE)), confidence)
    z = (chain.rows.double() @ logits.double() @ chain.columns.double().T).softmax(0)
    best, expected = z.max(0)
    assert torch.equal(labels.cpu(), expected)
    if confidence:
        assert_close(probabilities.cpu(), best.float())
        in_strips, probabilities_in_strips = argmax_of(logits, chain, confidence=True)
        assert torch.equal(labels.cpu(), in_strips)
        assert_close(probabilities.cpu(), probabilities_in_strips)
    else:
        assert probabilities.shape == (0,)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_the_first_of_equals_and_no_numbers(dtype):
    logits = torch.tensor([1.0, 3.0, 3.0, 2.0], dtype=dtype)[:, None, None].repeat(1, 3, 3)
    logits[3, 0, 0] = torch.inf
    logits[2, 1, 1] = torch.nan
    logits[:, 2, 2] = -torch.inf
    labels, _ = argmax(logits.to(DEVICE), tables_of(unchanged((3, 3)), torch.device(DEVICE)), False)
    assert labels.tolist() == [[3, 1, 1], [1, 2, 1], [1, 1, 0]]
