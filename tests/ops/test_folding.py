"""Folded batch norms against torch's modules, one after the other."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.ops.folding import fold_batch_norm, fold_batch_norm_before
from vitseg_tests.weights import randomise

CASES = [(fold_batch_norm, 1), (fold_batch_norm, 3), (fold_batch_norm_before, 1)]


def parts(fold, kernel: int, bias: bool, affine: bool) -> tuple[nn.Conv2d, nn.BatchNorm2d, nn.Sequential]:
    conv = nn.Conv2d(6, 5, kernel, bias=bias)
    norm = nn.BatchNorm2d(5 if fold is fold_batch_norm else 6, eps=1e-3, affine=affine)
    order = [conv, norm] if fold is fold_batch_norm else [norm, conv]
    return conv, norm, randomise(nn.Sequential(*order)).eval()


def folded(fold, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    statistics = dict(mean=norm.running_mean, var=norm.running_var, eps=norm.eps, gamma=norm.weight, beta=norm.bias)
    return fold(conv.weight, conv.bias, **statistics)


@pytest.mark.parametrize(('fold', 'kernel'), CASES)
@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('affine', [True, False])
def test_one_convolution_equals_the_two(fold, kernel, bias, affine):
    conv, norm, both = parts(fold, kernel, bias, affine)
    x = torch.randn(2, 6, 5, 4)
    gradients = []
    for run in (both, lambda x: F.conv2d(x, *folded(fold, conv, norm))):
        both.zero_grad()
        run(x).square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in both.parameters()])
    assert_close(F.conv2d(x, *folded(fold, conv, norm)), both(x), rtol=1e-5, atol=1e-5)
    assert_close(*gradients, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(('fold', 'kernel'), CASES)
def test_rounded_once_in_half_precision(fold, kernel):
    conv, norm, both = parts(fold, kernel, True, True)
    exact = folded(fold, conv, norm)
    both.to(torch.bfloat16)
    rounded = [x.to(torch.bfloat16).double() for x in folded(fold, conv.double(), norm.double())]
    found = folded(fold, conv.to(torch.bfloat16), norm.to(torch.bfloat16))
    assert {x.dtype for x in found} == {torch.bfloat16}
    assert exact[0].dtype == torch.float32
    assert_close([x.double() for x in found], rounded, rtol=2**-8, atol=1e-6)
