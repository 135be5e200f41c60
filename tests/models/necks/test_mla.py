"""MLANeck against the host's class of the same name, with the same weights."""

import pytest
import torch
from torch.testing import assert_close

from mmseg_vitseg.models import MLANeck
from vitseg_tests.against_host import pair

BN, RELU = dict(type='BN'), dict(type='ReLU')


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    'arguments',
    [
        dict(in_channels=[6, 6, 6, 6], out_channels=8, norm_cfg=BN, act_cfg=RELU),
        dict(in_channels=[6, 7, 8], out_channels=4),
        dict(in_channels=[6, 6], out_channels=4, norm_cfg=dict(type='SyncBN'), norm_layer=dict(type='LN', eps=0.1)),
    ],
)
def test_equals_the_hosts(arguments, layout):
    host, ours = pair('MLANeck', **arguments)
    levels = [torch.randn(2, c, 5, 3).contiguous(memory_format=layout) for c in arguments['in_channels']]
    with torch.no_grad():
        expected, outputs = host.eval()(levels), ours.eval()(levels)
    assert isinstance(outputs, tuple)
    assert len(outputs) == len(expected)
    for mine, theirs in zip(outputs, expected, strict=True):
        assert_close(mine, theirs)


def test_training_equals_the_hosts():
    host, ours = pair('MLANeck', in_channels=[6, 6, 6], out_channels=8, norm_cfg=BN, act_cfg=RELU)
    levels, factors = torch.randn(3, 2, 6, 5, 3), torch.randn(3, 2, 8, 5, 3)
    results = []
    for neck in (host, ours):
        leaves = [x.clone().requires_grad_() for x in levels]
        outputs = neck.train()(leaves)
        sum((x * factor).sum() for x, factor in zip(outputs, factors, strict=True)).backward()
        gradients = {name: parameter.grad for name, parameter in neck.named_parameters()}
        results.append((list(outputs), gradients, [x.grad for x in leaves], dict(neck.named_buffers())))
    # sums over all pixels, in another order
    assert_close(results[1], results[0], rtol=1e-4, atol=1e-5)


def test_inputs_are_left_as_they_were():
    ours = MLANeck(in_channels=[6, 6], out_channels=4, norm_cfg=BN, act_cfg=RELU).eval()
    levels = [torch.randn(1, 6, 3, 3) for _ in range(2)]
    copies = [x.clone() for x in levels]
    ours(levels)
    assert all(torch.equal(x, copy) for x, copy in zip(levels, copies, strict=True))


def test_another_number_of_levels_is_explained():
    with pytest.raises(ValueError, match='1 feature maps for in_channels=\\[6, 6\\]'):
        MLANeck(in_channels=[6, 6], out_channels=4)([torch.randn(1, 6, 3, 3)])
