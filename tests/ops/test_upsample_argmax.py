"""Classes in strips against the host's two resizings and torch's argmax."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmseg_vitseg.ops import resampling, upsample_argmax
from mmseg_vitseg.ops.resampling import resizings
from mmseg_vitseg.ops.upsample_argmax import argmax_of


def resized(x, size, align_corners=False):
    return F.interpolate(x, size=size, mode='bilinear', align_corners=align_corners)


def labels_of(logits, *sizes):
    """Return the classes (B, H, W) of logits (B, K, h, w), resized to each of the sizes in turn."""
    chain = resizings(tuple(logits.shape[-2:]), sizes, False)
    return torch.stack([argmax_of(one, chain)[0] for one in logits])


def check(labels, logits):
    """Equal to the plain argmax but where the two best are closer than rounding."""
    best, second = logits.topk(2, dim=1).values.unbind(1)
    sure = best - second > 1e-5
    assert sure.float().mean() > 0.99
    assert torch.equal(labels[sure], logits.argmax(1)[sure])


@pytest.mark.parametrize('strip_bytes', [1, 2**21], ids=['a row at a time', 'one strip'])
@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('classes', [2, 19, 300])
def test_equals_the_hosts_two_resizings(classes, align_corners, strip_bytes, monkeypatch):
    monkeypatch.setitem(resampling.STRIP_BYTES, 'cpu', strip_bytes)
    logits = torch.randn(2, classes, 6, 5)
    chain = resizings((6, 5), ((24, 20),), align_corners).cropped(1, 23, 2, 20).resized((31, 40), align_corners)
    labels = torch.stack([argmax_of(one, chain)[0] for one in logits])
    expected = resized(resized(logits, (24, 20), align_corners)[..., 1:23, 2:20], (31, 40), align_corners)
    assert (labels.shape, labels.dtype) == ((2, 31, 40), torch.int64)
    check(labels, expected)


def test_one_resizing_is_another_thing():
    logits = torch.randn(1, 4, 6, 5)
    direct = labels_of(logits, (31, 40))
    check(direct, resized(logits, (31, 40)))
    assert not torch.equal(direct, labels_of(logits, (24, 20), (31, 40)))


def test_the_first_of_equals_and_no_number():
    logits = torch.tensor([1.0, 3.0, 3.0, 2.0])[None, :, None, None].expand(1, 4, 2, 2)
    assert labels_of(logits, (2, 2)).eq(1).all()
    assert labels_of(torch.full((1, 4, 2, 2), torch.nan), (4, 4)).eq(0).all()  # a class all the same


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('classes', [2, 150, 40_000])
def test_every_class_and_every_distance(classes, dtype):
    """The best and one that is below it by the least that there is; zeros of both signs; the extremes."""
    info = torch.finfo(dtype)
    for best in (1.0, -1.0, info.max / 4, info.tiny, 0.0):
        value = torch.tensor(best, dtype=dtype)
        logits = torch.nextafter(value, value - value.abs() - 1).expand(1, classes, 1, 1).clone()
        for place in (0, 1, classes // 2, classes - 1):
            one = logits.clone()
            one[0, place] = value
            assert labels_of(one, (1, 1)).item() == place
    zeros = torch.zeros(1, classes, 1, 1, dtype=dtype)
    zeros[0, : classes // 2] = -0.0
    assert labels_of(zeros, (1, 1)).item() == 0
    assert labels_of(zeros - torch.inf, (2, 2)).eq(0).all()


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('values', [1, 2, 5, 1000])
def test_the_way_of_cpus_and_the_plain_one_agree(values, dtype):
    """With few values most pixels have several best classes."""
    strip = torch.randint(-values // 2, values, (7, 19, 33)).to(dtype) / 3
    strip[0] *= torch.finfo(dtype).max / values / 4
    strip[1] *= torch.finfo(dtype).tiny
    expected = strip.argmax(1)
    assert torch.equal(upsample_argmax.first_zero(strip - strip.amax(1, keepdim=True)), expected)


@pytest.mark.parametrize('confidence', [False, True])
def test_the_plain_way_elsewhere(confidence, monkeypatch):
    """On the meta device, which cannot wait: torch's argmax."""
    monkeypatch.setenv('MMSEG_VITSEG_FUSED', '0')
    monkeypatch.delattr(upsample_argmax, 'first_zero')
    logits = torch.empty(5, 3, 4, device='meta')
    labels, probabilities = argmax_of(logits, resizings((3, 4), ((12, 10),), False), confidence=confidence)
    assert (labels.shape, labels.dtype) == ((12, 10), torch.int64)
    assert probabilities is None or probabilities.shape == (12, 10)


@pytest.mark.parametrize('value', [torch.nan, torch.inf, -torch.inf])
def test_one_logit_that_is_no_number_stays_where_it_is(value):
    logits = torch.randn(1, 3, 16, 16)
    plain = labels_of(logits, (64, 64))
    logits[0, 1, 8, 8] = value
    changed = (labels_of(logits, (64, 64)) != plain)[0].nonzero()
    assert len(changed)
    assert changed.min() >= 4 * 7
    assert changed.max() < 4 * 10


def test_a_class_that_is_masked():
    logits = torch.randn(1, 4, 6, 5)
    logits[:, 1] = -torch.inf
    others = resized(logits[:, [0, 2, 3]], (12, 10)).argmax(1)
    assert torch.equal(labels_of(logits, (12, 10)), torch.tensor([0, 2, 3])[others])


def test_confidence_is_the_softmax():
    logits = torch.randn(1, 7, 6, 5)
    labels, confidence = argmax_of(logits[0], resizings((6, 5), ((12, 10),), False), confidence=True)
    expected, classes = resized(logits, (12, 10))[0].softmax(0).max(0)
    assert_close(confidence, expected)
    assert torch.equal(labels, classes)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16, torch.float64])
def test_any_dtype(dtype):
    logits = torch.randn(1, 7, 6, 5).to(dtype)
    check(labels_of(logits, (12, 10)), resized(logits.double(), (12, 10)))
