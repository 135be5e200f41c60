"""Linear layers by oneDNN against torch's own."""

import copy
import io
from contextlib import contextmanager, nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from mmseg_vitseg.models.layers import Linear
from mmseg_vitseg.models.mit import MixVisionTransformer
from mmseg_vitseg.models.vit import VisionTransformer
from mmseg_vitseg.ops.linear import linear
from vitseg_tests.weights import randomise

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason='torch was built without oneDNN')
ONEDNN = 'mkldnn::_linear_pointwise'
TORCHS = {'aten::addmm', 'aten::mm', 'aten::bmm', 'aten::linear'}


@pytest.fixture(autouse=True)
def onednn(monkeypatch):
    monkeypatch.setenv('MMSEG_VITSEG_ONEDNN', '1')


@contextmanager
def called():
    """Give the names of the operators that are called."""

    class Names(TorchDispatchMode):
        def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
            names.append(operator.name().partition('.')[0])
            return operator(*args, **(kwargs or {}))

    names: list[str] = []
    with Names():
        yield names


INPUTS = {
    'tokens': lambda: torch.randn(2, 65, 48),
    'one image, one token more than a kernel takes': lambda: torch.randn(1, 1025, 48),
    'a map, channels last': lambda: torch.randn(2, 48, 5, 7).permute(0, 2, 3, 1),
    'rows far apart': lambda: torch.randn(2, 30, 96)[..., ::2],
    'a part': lambda: torch.randn(2, 30, 48)[:, 1:],
    'one vector': lambda: torch.randn(48),
    'none': lambda: torch.randn(2, 0, 48),
}


@pytest.mark.parametrize('channels', [16, 96])  # the weight's gradient is computed by its longer side
@pytest.mark.parametrize('with_bias', [True, False])
@pytest.mark.parametrize('make', INPUTS.values(), ids=INPUTS)
def test_equals_torchs_with_its_gradients(make, with_bias, channels):
    x = make()
    inputs = [x, torch.randn(channels, 48), *([torch.randn(channels)] if with_bias else [])]
    rows = x.numel() // 48
    factor = torch.randn(*x.shape[:-1], channels) / max(rows, 1) ** 0.5  # gradients of weights are sums over rows
    found = []
    for layer in (F.linear, linear):
        leaves = [one.detach().clone().requires_grad_() for one in inputs]
        leaves[0] = x.detach().requires_grad_()  # clone() would lay it out anew
        with called() as names:
            out = layer(*leaves, *([] if with_bias else [None]))
            gradients = torch.autograd.grad((out * factor).sum(), leaves)
        found.append([out, *gradients])
    assert (ONEDNN in names) == (rows > 0)
    assert rows == 0 or not TORCHS & set(names)
    for mine, torchs in zip(found[1], found[0], strict=True):
        assert_close(mine, torchs)


def test_gradients_of_gradients():
    inputs = torch.randn(3, 7, 5), torch.randn(4, 5), torch.randn(4)
    found = []
    for layer in (F.linear, linear):
        leaves = [one.clone().requires_grad_() for one in inputs]
        gradients = torch.autograd.grad(layer(*leaves).pow(3).mean(), leaves, create_graph=True)
        found.append(torch.autograd.grad(sum(one.pow(2).sum() for one in gradients), leaves))
    for mine, torchs in zip(*found, strict=True):
        assert_close(mine, torchs)


@pytest.mark.parametrize('which', range(3))
def test_only_the_gradients_that_are_needed(which):
    inputs = [torch.randn(3, 5), torch.randn(4, 5), torch.randn(4)]
    inputs[which].requires_grad_()
    with called() as names:
        linear(*inputs).sum().backward()
    assert names.count(ONEDNN) == (1 if which == 2 else 2)
    assert [one.grad is not None for one in inputs] == [index == which for index in range(3)]


def meta(*size: int) -> torch.Tensor:
    return torch.randn(*size, device='meta')


def double(*size: int) -> torch.Tensor:
    return torch.randn(*size, dtype=torch.float64)


class Derived(torch.Tensor):
    pass


def derived(*size: int) -> torch.Tensor:
    return torch.randn(*size).as_subclass(Derived)


@pytest.mark.filterwarnings('ignore:TF32')  # torch's, where flags() is left
@pytest.mark.parametrize(
    ('make', 'circumstance', 'is_onednns'),
    [
        (torch.randn, nullcontext(), True),
        (torch.randn, torch.no_grad(), True),
        (torch.randn, torch.inference_mode(), True),
        (torch.randn, torch.autocast('cpu', torch.bfloat16), False),
        (torch.randn, torch.backends.mkldnn.flags(enabled=False), False),
        (double, nullcontext(), False),
        (meta, nullcontext(), False),
        (derived, nullcontext(), False),
    ],
)
def test_where_onednn_multiplies(make, circumstance, is_onednns):
    with circumstance, called() as names:
        out = linear(make(3, 5), make(4, 5), make(4))
    assert out.shape == (3, 4)
    assert (ONEDNN in names) == is_onednns


@pytest.mark.parametrize('variable', [None, '0', ''])
def test_it_is_asked_for(variable, monkeypatch):
    if variable is None:
        monkeypatch.delenv('MMSEG_VITSEG_ONEDNN')
    else:
        monkeypatch.setenv('MMSEG_VITSEG_ONEDNN', variable)
    x, weight, bias = torch.randn(3, 5), torch.randn(4, 5), torch.randn(4)
    with called() as names:
        out = linear(x, weight, bias)
    assert ONEDNN not in names
    assert torch.equal(out, F.linear(x, weight, bias))


@pytest.mark.filterwarnings('ignore:.*torch.jit')
def test_traced_graphs_have_torchs_own_layer():
    layer, x = Linear(5, 4), torch.randn(3, 5)
    traced = torch.jit.trace(layer, x)
    assert 'mkldnn' not in str(traced.inlined_graph)
    exported = torch.export.export(layer, (x,))
    assert 'mkldnn' not in str(exported.graph)
    for other in (traced, exported.module()):
        assert_close(other(x), layer(x))


BACKBONES = {
    'vit': lambda: VisionTransformer(embed_dims=48, num_layers=2, num_heads=3, img_size=64, layer_scale=0.1),
    'mit': lambda: MixVisionTransformer(embed_dims=16, num_layers=(1, 1, 1, 1), num_heads=(1, 2, 2, 4)),
}


@pytest.mark.parametrize('make', BACKBONES.values(), ids=BACKBONES)
def test_a_backbone_equals_itself(make, monkeypatch):
    """Values and gradients; all linear layers are oneDNN's."""
    images, found = torch.randn(2, 3, 64, 96), []
    model = randomise(make()).eval()
    for variable in '01':
        monkeypatch.setenv('MMSEG_VITSEG_ONEDNN', variable)
        model.zero_grad()
        with called() as names:
            features = model(images)
        sum((x * x.detach().sin()).mean() for x in features).backward()
        found.append([*features, *(parameter.grad for parameter in model.parameters())])
    assert not TORCHS & set(names)
    for mine, torchs in zip(*found, strict=True):
        assert_close(mine, torchs)


def test_a_layer_is_torchs_in_all_else():
    layer = Linear(5, 4)
    assert isinstance(layer, nn.Linear)
    own = nn.Linear(5, 4)
    own.load_state_dict(layer.state_dict())
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    x = torch.randn(3, 5)
    for other in (own, copy.deepcopy(layer), torch.load(file, weights_only=False)):
        assert_close(other(x), layer(x))
    with torch.no_grad():  # nothing is kept of a weight
        layer.weight.mul_(2)
    assert_close(layer(x), F.linear(x, layer.weight, layer.bias))
    assert_close(checkpoint(layer, x, use_reentrant=False), layer(x))
    assert layer.double()(x.double()).dtype == torch.float64
    assert layer.bfloat16()(x.bfloat16()).dtype == torch.bfloat16
