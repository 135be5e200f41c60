"""The loss in strips against the host's CrossEntropyLoss of logits at full size."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.models.losses import CrossEntropyLoss, accuracy
from torch.testing import assert_close

from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.ops import resampling
from mmseg_vitseg.ops.resampling import resizings
from mmseg_vitseg.ops.upsample_loss import upsample_cross_entropy

pytestmark = pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore`` is False')


def make(batch=2, classes=5, size=(4, 6), labels=(17, 22), dtype=torch.float32):
    logits = torch.randn(batch, classes, *size, dtype=dtype).mul_(3).requires_grad_()
    target = torch.randint(0, classes, (batch, *labels))
    target[:, :3] = IGNORED
    return logits, target


def hosts(logits, labels, sizes=(), align_corners=False, ignore_index=IGNORED, **arguments):
    x = logits
    for size in (*sizes, labels.shape[-2:]):
        x = F.interpolate(x, size=size, mode='bilinear', align_corners=align_corners)
    loss = CrossEntropyLoss(**arguments)(x, labels, ignore_index=ignore_index)
    return loss, accuracy(x, labels, ignore_index=ignore_index)


def compare(logits, labels, *, sizes=(), align_corners=False, ignore_index=IGNORED, class_weight=None, **arguments):
    expected, right = hosts(logits, labels, sizes, align_corners, ignore_index, class_weight=class_weight, **arguments)
    (gradient,) = torch.autograd.grad(expected * 7, logits)
    chain = resizings(tuple(logits.shape[-2:]), (*sizes, tuple(labels.shape[-2:])), align_corners)
    loss, right_in_strips = upsample_cross_entropy(
        logits,
        labels,
        align_corners=align_corners,
        resampling=chain if sizes else None,
        ignore_index=ignore_index,
        class_weight=class_weight,
        **arguments,
    )
    assert_close(loss, expected)
    assert_close(right_in_strips, right)
    assert_close(torch.autograd.grad(loss * 7, logits)[0], gradient)


@pytest.mark.parametrize('strip_bytes', [1, 2**21], ids=['a row at a time', 'one strip'])
@pytest.mark.parametrize(
    'arguments',
    [
        dict(),
        dict(align_corners=True),
        dict(avg_non_ignore=True),
        dict(reduction='sum'),
        dict(class_weight=[0.5, 2.0, 0.0, 1.0, 3.0]),
        dict(class_weight=[0.5, 2.0, 0.0, 1.0, 3.0], reduction='sum'),
        dict(sizes=((8, 12),)),
        dict(ignore_index=2),
        dict(ignore_index=-100),
    ],
)
def test_equals_the_hosts(arguments, strip_bytes, monkeypatch):
    monkeypatch.setitem(resampling.STRIP_BYTES, 'cpu', strip_bytes)
    logits, labels = make()
    if 'ignore_index' in arguments:
        labels[:, :3] = arguments['ignore_index']
    compare(logits, labels, **arguments)


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    'shape', [dict(labels=(4, 6)), dict(labels=(2, 3)), dict(size=(1, 1)), dict(classes=150, labels=(130, 200))]
)
def test_any_shape(shape, layout):
    logits, labels = make(**shape)
    compare(logits.detach().contiguous(memory_format=layout).requires_grad_(), labels)


def test_class_weights_over_the_counted_pixels():
    """The host crashes here; torch's own mean is the definition."""
    logits, labels = make()
    weight = [0.5, 2.0, 0.0, 1.0, 3.0]
    x = F.interpolate(logits, size=labels.shape[-2:], mode='bilinear', align_corners=False)
    expected = F.cross_entropy(x, labels, weight=torch.tensor(weight), ignore_index=IGNORED)
    assert_close(upsample_cross_entropy(logits, labels, class_weight=weight, avg_non_ignore=True).loss, expected)


def test_gradcheck():
    logits, labels = make(batch=1, classes=3, size=(2, 3), labels=(5, 7), dtype=torch.float64)
    torch.autograd.gradcheck(lambda x: upsample_cross_entropy(x, labels).loss, logits)


def test_nothing_to_learn_from():
    logits, labels = make()
    labels[:] = IGNORED
    for arguments in (dict(), dict(avg_non_ignore=True)):
        loss, right = upsample_cross_entropy(logits, labels, **arguments)
        loss.backward()
        assert (loss.item(), logits.grad.abs().max().item()) == (0, 0)
        assert_close(right, torch.tensor([100.0]))  # the host's answer


def test_nothing_of_the_full_size_is_saved():
    logits, labels = make(classes=50, labels=(64, 96))
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.numel()) or x, lambda x: x):
        upsample_cross_entropy(logits, labels).loss.backward()
    assert max(sizes) == logits.numel()


def test_under_autocast_it_is_computed_in_float32():
    logits, labels = make()
    expected = upsample_cross_entropy(logits, labels).loss
    with torch.autocast('cpu', torch.bfloat16):
        assert_close(upsample_cross_entropy(logits, labels).loss, expected, rtol=0, atol=0)
        half = logits.detach().bfloat16().requires_grad_()
        loss = upsample_cross_entropy(half, labels).loss
    (loss * 2**16).backward()  # what a gradient scaler does; gradients of half precision alone would be zero
    reference = half.detach().float().requires_grad_()
    (upsample_cross_entropy(reference, labels).loss * 2**16).backward()
    assert half.grad.dtype == torch.bfloat16
    assert_close(half.grad, reference.grad.bfloat16(), rtol=0, atol=0)


def test_no_gradient_where_none_is_asked_for():
    logits, labels = make()
    assert not upsample_cross_entropy(logits.detach(), labels).loss.requires_grad


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda x, y: (x, y.masked_fill(y == 1, 5)), 'labels 5 with num_classes=5; allowed: 0 to 4 and ignore_index='),
        (lambda x, y: (x, y.masked_fill(y == 1, -1)), 'labels -1'),
        (lambda x, y: (x, y[:1]), 'allowed: (B, K, h, w) and (B, H, W)'),
    ],
)
def test_mistakes_are_explained(change, words):
    with pytest.raises(ValueError) as info:
        upsample_cross_entropy(*change(*make()))
    assert words in str(info.value)


def test_an_unknown_reduction():
    with pytest.raises(ValueError, match="reduction='none'; allowed: 'mean', 'sum'"):
        upsample_cross_entropy(*make(), reduction='none')


@pytest.mark.parametrize('count', [4, 6])
def test_a_class_weight_for_each_class(count):
    with pytest.raises(ValueError, match=f'{count} class weights of 5 classes'):
        upsample_cross_entropy(*make(), class_weight=[1.0] * count)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
def test_gpu_equals_cpu():
    logits, labels = make()
    compare(logits.detach().cuda().requires_grad_(), labels.cuda())
