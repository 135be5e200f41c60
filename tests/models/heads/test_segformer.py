"""SegFormer's head against the host's class, against HF's, and the authors' form against its own plain computation."""

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.models import SegformerHead
from vitseg_tests.against_host import compare_logits, compare_training, pair
from vitseg_tests.weights import randomise

BN, SYNC_BN, GN = dict(type='BN'), dict(type='SyncBN'), dict(type='GN', num_groups=2)
HEAD = dict(in_channels=[4, 6, 10], in_index=[0, 1, 2], channels=8, num_classes=5)
PYRAMID = [(8, 12), (4, 6), (2, 3)]
SIZES = {
    'pyramid': PYRAMID,
    'odd': [(9, 13), (5, 7), (3, 4)],
    'plain ViT': [(4, 6)] * 3,
    'rising': PYRAMID[::-1],
    'one pixel': [(8, 8), (1, 1), (3, 1)],
}


def levels(sizes, batch_size: int = 2) -> list[torch.Tensor]:
    return [torch.randn(batch_size, width, *size) for width, size in zip(HEAD['in_channels'], sizes, strict=True)]


@pytest.mark.filterwarnings('ignore:When align_corners=True:UserWarning')  # the host's advice about sizes
@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('sizes', SIZES.values(), ids=SIZES)
def test_equals_the_hosts_at_any_sizes(sizes, align_corners):
    host, ours = pair('SegformerHead', **HEAD, norm_cfg=BN, dropout_ratio=0.5, align_corners=align_corners)
    compare_logits(host, ours, levels(sizes))
    compare_training(host, ours, levels(sizes))


@pytest.mark.parametrize(
    'arguments',
    [
        dict(norm_cfg=None),
        dict(norm_cfg=GN),
        dict(norm_cfg=BN, act_cfg=dict(type='LeakyReLU')),
        dict(norm_cfg=BN, interpolate_mode='nearest'),
        dict(norm_cfg=BN, interpolate_mode='bicubic'),
        dict(norm_cfg=BN, in_index=[2, 0, 1], in_channels=[10, 4, 6]),
        dict(norm_cfg=BN, in_index=[1], in_channels=[6]),
    ],
)
def test_equals_the_hosts_in_any_form(arguments):
    if arguments.get('interpolate_mode') == 'nearest':
        arguments = dict(arguments, align_corners=None)  # torch refuses it there, and the host hands it on
    host, ours = pair('SegformerHead', **{**HEAD, **arguments})
    compare_logits(host, ours, levels(PYRAMID))
    compare_training(host, ours, levels(PYRAMID))


def test_sync_bn_in_evaluation():
    host, ours = pair('SegformerHead', **HEAD, norm_cfg=SYNC_BN)
    compare_logits(host, ours, levels(PYRAMID))


class PlainForm(nn.Module):
    """The authors' decoder step by step, at 1/4, on the weights of ours."""

    def __init__(self, head: SegformerHead):
        super().__init__()
        self.head = head

    def forward(self, inputs: list[torch.Tensor]) -> torch.Tensor:
        size = inputs[0].shape[-2:]
        maps = [conv.conv(x) for conv, x in zip(self.head.convs, inputs, strict=True)]
        maps = [nn.functional.interpolate(x, size=size, mode='bilinear', align_corners=False) for x in maps]
        return self.head.cls_seg(self.head.fusion_conv(torch.cat(maps, dim=1)))


@pytest.mark.parametrize('norm_cfg', [BN, None], ids=['BN', 'no norm'])
@pytest.mark.parametrize('sizes', SIZES.values(), ids=SIZES)
def test_linear_projection_equals_its_plain_form(sizes, norm_cfg):
    """Logits, gradients and running statistics; nothing but a bias and a weight in each level's projection."""
    arguments = dict(
        HEAD, type='mmseg_vitseg.SegformerHead', linear_projection=True, norm_cfg=norm_cfg, dropout_ratio=0
    )
    ours, twin = randomise(MODELS.build(arguments)), MODELS.build(arguments)
    assert [name for name in ours.state_dict() if name.startswith('convs.0')] == [
        'convs.0.conv.weight',
        'convs.0.conv.bias',
    ]
    twin.load_state_dict(ours.state_dict())
    plain = PlainForm(twin)
    features = levels(sizes)
    for mode in (False, True):
        ours.train(mode), plain.train(mode)
        results = []
        for model, head in ((plain, twin), (ours, ours)):
            leaves = [x.clone().requires_grad_() for x in features]
            head.zero_grad()
            logits = model(leaves)
            (logits * torch.linspace(-1, 1, logits.numel()).view_as(logits)).sum().backward()
            gradients = {name: parameter.grad for name, parameter in head.named_parameters()}
            results.append((logits.detach(), [x.grad for x in leaves], gradients, dict(head.named_buffers())))
        assert_close(results[1], results[0], rtol=1e-4, atol=1e-5)


def test_folding_follows_weights():
    head = MODELS.build(dict(HEAD, type='mmseg_vitseg.SegformerHead', linear_projection=True, norm_cfg=BN)).eval()
    features = levels(PYRAMID)
    before = head(features)
    randomise(head)
    assert not torch.allclose(head(features), before)
    assert_close(head(features), PlainForm(head)(features))


def test_mistakes_are_explained():
    with pytest.raises(ValueError) as info:
        SegformerHead(**{**HEAD, 'in_index': [0, 1]})
    assert 'in_channels=[4, 6, 10] and in_index=[0, 1]' in str(info.value)
