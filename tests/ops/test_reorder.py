"""Each reordering against the plain order of torch's own functions."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmseg_vitseg.ops import reorder

SIZES = [(5, 7), (8, 3), (2, 1), (1, 1)]


def upsampled(x, scale, align_corners):
    return F.interpolate(x, scale_factor=scale, mode='bilinear', align_corners=align_corners)


@pytest.mark.parametrize('scale', [1, 2, 3, 4, 2.5])
@pytest.mark.parametrize('align_corners', [False, True])
def test_upsample_is_the_hosts(scale, align_corners):
    from mmseg.models.utils import Upsample

    x = torch.randn(2, 3, 5, 7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('warnings.warn', lambda *_: None)  # the host's advice about sizes
        expected = Upsample(scale_factor=scale, mode='bilinear', align_corners=align_corners)(x)
    assert_close(reorder.upsample(x, scale, align_corners), expected, rtol=0, atol=0)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize(('kernel', 'scale'), [(1, 2), (1, 4), (3, 2), (3, 3), (3, 4), (3, 1)])
def test_convolving_the_upsampled_map(kernel, scale, align_corners, bias, size):
    x, weight = torch.randn(2, 6, *size), torch.randn(5, 6, kernel, kernel)
    bias = torch.randn(5) if bias else None
    expected = F.conv2d(upsampled(x, scale, align_corners), weight, bias, padding=kernel // 2)
    assert_close(reorder.conv_of_upsampled(x, weight, bias, scale, align_corners), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('scale', [2, 4, 6, 8])
@pytest.mark.parametrize('size', SIZES)
def test_transposed_convolution_is_exact_at_the_border_too(size, scale, layout):
    """In float64, where a mistake cannot hide behind rounding; gradients too."""
    leaves = [torch.randn(2, 3, *size), torch.randn(4, 3, 3, 3), torch.randn(4)]
    mine, plain = ([leaf.double().requires_grad_() for leaf in leaves] for _ in range(2))
    factor = torch.randn(2, 4, size[0] * scale, size[1] * scale, dtype=torch.float64)
    out = reorder.conv3x3_of_upsampled(mine[0].contiguous(memory_format=layout), *mine[1:], scale)
    expected = F.conv2d(upsampled(plain[0], scale, False), *plain[1:], padding=1)
    assert_close(out, expected)
    (out * factor).sum().backward()
    (expected * factor).sum().backward()
    for a, b in zip(mine, plain, strict=True):
        assert_close(a.grad, b.grad)


def test_the_transposed_convolution_is_what_runs(monkeypatch):
    """The point of it: the plain order would pass every other test here."""
    called = []
    monkeypatch.setattr(reorder, 'conv3x3_of_upsampled', lambda *args: called.append(args[3]))
    for scale, align_corners in ((2, False), (2.0, False), (4, False), (2, True), (3, False)):
        reorder.conv_of_upsampled(torch.randn(1, 2, 4, 4), torch.randn(2, 2, 3, 3), None, scale, align_corners)
    assert called == [2, 2, 4]


@pytest.mark.parametrize(
    ('dtype', 'autocast', 'tf32', 'reordered'),
    [
        (torch.float32, False, True, False),  # torch's default
        (torch.float32, False, False, True),
        (torch.float32, True, False, False),
        (torch.bfloat16, False, False, False),
        (torch.float16, False, False, False),
        (torch.float64, False, True, True),
    ],
)
def test_the_plain_order_where_tensor_cores_multiply(dtype, autocast, tf32, reordered, monkeypatch):
    """On CUDA; the meta device stands for it."""
    called, x, weight = [], torch.empty(1, 2, 4, 4), torch.empty(2, 2, 3, 3)
    monkeypatch.setattr(reorder, 'conv3x3_of_upsampled', lambda *args: called.append(args[0].device.type))
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', tf32)
    torch.set_autocast_enabled('cuda', autocast)
    try:
        for device in ('meta', 'cpu'):
            reorder.conv_of_upsampled(*(one.to(device, dtype) for one in (x, weight)), None, 2, False)
    finally:
        torch.set_autocast_enabled('cuda', False)
    assert called == (['meta', 'cpu'] if reordered else ['cpu'])


def test_tf32_said_by_torchs_newer_names():
    conv = getattr(torch.backends.cudnn, 'conv', None)
    if conv is None:
        pytest.skip('this torch has none')
    before = conv.fp32_precision
    try:
        for name, allowed in (('ieee', False), ('tf32', True)):
            conv.fp32_precision = name
            assert reorder._allows_tf32() is allowed
    finally:
        conv.fp32_precision = before


@pytest.mark.filterwarnings('ignore')  # torch's own, while it compiles
@pytest.mark.parametrize('device', ['cpu', 'meta'])
def test_in_one_graph(device):
    compiled = torch.compile(reorder.conv_of_upsampled, backend='eager', fullgraph=True, dynamic=True)
    weight = torch.randn(4, 3, 3, 3, device=device)
    for size in ((5, 7), (8, 4)):
        x = torch.randn(2, 3, *size, device=device)
        out, expected = (run(x, weight, None, 2, False) for run in (compiled, reorder.conv_of_upsampled))
        assert out.shape == expected.shape
        if device == 'cpu':
            assert_close(out, expected)


LEVELS = [(8, 6), (4, 3), (3, 5), (1, 1), (9, 11)]


@pytest.mark.parametrize(
    ('mode', 'align_corners'), [('bilinear', False), ('bilinear', True), ('bicubic', False), ('nearest', None)]
)
@pytest.mark.parametrize('bias', [True, False])
def test_convolving_levels_of_any_size(mode, align_corners, bias):
    levels = [torch.randn(2, 2 + i, *size) for i, size in enumerate(LEVELS)]
    weights = [torch.randn(7, x.shape[1], 1, 1) for x in levels]
    bias = torch.randn(7) if bias else None
    resized = [F.interpolate(x, size=LEVELS[0], mode=mode, align_corners=align_corners) for x in levels]
    expected = F.conv2d(torch.cat(resized, dim=1), torch.cat(weights, dim=1), bias)
    result = reorder.pointwise_of_upsampled_levels(levels, weights, bias, LEVELS[0], mode, align_corners)
    assert_close(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(('inner_bias', 'bias'), [(True, True), (True, False), (False, True), (False, False)])
def test_merging_two_pointwise_convolutions(inner_bias, bias):
    levels = [torch.randn(2, 3, 4, 5), torch.randn(2, 6, 4, 5)]
    first = [(torch.randn(8, x.shape[1], 1, 1), torch.randn(8) if inner_bias else None) for x in levels]
    second = [torch.randn(7, 8, 1, 1) for _ in levels]
    bias = torch.randn(7) if bias else None
    expected = sum(F.conv2d(F.conv2d(x, *inner), outer) for x, inner, outer in zip(levels, first, second, strict=True))
    expected = expected if bias is None else expected + bias[:, None, None]
    weights, merged = reorder.merge_pointwise(first, second, bias)
    assert (merged is None) == (bias is None and not inner_bias)
    result = sum(F.conv2d(x, weight) for x, weight in zip(levels, weights, strict=True))
    assert_close(result if merged is None else result + merged[:, None, None], expected, rtol=1e-5, atol=1e-5)
