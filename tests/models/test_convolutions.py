import pytest
import torch
from mmcv.cnn import ConvModule
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.models.convolutions import conv_norm_act, norm_channels, upsample_conv_norm_act


@pytest.mark.parametrize('batch', [1, 2])
def test_tokens_stay_channels_last(batch):
    """For a single image too: torch reads the layout of one from its batch stride, which is easily another."""
    tokens = torch.randn(batch, 1 + 12, 8)[:, 1:]  # a class token was there
    features = tokens.transpose(1, 2).unflatten(2, (3, 4))
    norm = nn.LayerNorm(8)
    normed = norm_channels(norm, features)
    assert_close(normed, norm(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
    assert normed.stride() == (12 * 8, 1, 4 * 8, 8)
    convolved = conv_norm_act(ConvModule(8, 6, 3, padding=1, norm_cfg=dict(type='BN')).eval(), normed)
    assert convolved.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize('kernel', [1, 3])
def test_a_batch_norm_is_folded_in_evaluation_only(kernel):
    block = ConvModule(8, 6, kernel, padding=kernel // 2, norm_cfg=dict(type='BN'))
    called = []
    block.norm.register_forward_hook(lambda *_: called.append(1))
    x = torch.randn(2, 8, 3, 4)
    for run in (conv_norm_act, lambda *args: upsample_conv_norm_act(*args, 2, False)):
        block.eval()
        run(block, x)
        assert not called
        block.train()
        run(block, x)
        assert called.pop()


@pytest.mark.parametrize(('device', 'size', 'folded'), [('cpu', 4, True), ('meta', 4, False), ('meta', 1024, True)])
def test_on_cuda_a_norm_is_folded_where_maps_are_large(device, size, folded):
    """There the launches of the folding take longer than the norm of a small map; the meta device stands for it."""
    block = ConvModule(8, 8, 1, norm_cfg=dict(type='BN')).eval().to(device)
    called = []
    block.norm.register_forward_hook(lambda *_: called.append(1))
    x = torch.empty(1, 8, size, size, device=device)
    conv_norm_act(block, x)
    upsample_conv_norm_act(block, x, 2, False)
    assert called == ([] if folded else [1, 1])


def test_an_exchange_of_weights_is_seen():
    """As mmengine's EMAHook does it: no version of a tensor tells."""
    block = ConvModule(8, 6, 1, norm_cfg=dict(type='BN')).eval()
    x = torch.randn(2, 8, 3, 4)
    before = conv_norm_act(block, x)
    versions = [one._version for one in block.state_dict().values()]
    for one in block.parameters():
        one.data.copy_(torch.randn_like(one))
    assert versions == [one._version for one in block.state_dict().values()]
    assert_close(conv_norm_act(block, x), block(x))
    assert not torch.allclose(conv_norm_act(block, x), before)


def test_gradients_reach_a_frozen_norm():
    """A norm in evaluation mode while training still learns its weight and bias."""
    block = ConvModule(8, 6, 3, padding=1, norm_cfg=dict(type='BN')).eval()
    x = torch.randn(2, 8, 3, 4)
    gradients = []
    for run in (block, lambda x: conv_norm_act(block, x)):
        block.zero_grad()
        run(x).square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in block.parameters()])
    assert_close(*gradients, rtol=1e-4, atol=1e-4)
