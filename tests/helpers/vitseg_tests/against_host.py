"""Our modules against the host's classes of the same names, with the same weights."""

import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.labels import IGNORED
from vitseg_tests.weights import randomise

SIZES = dict(img_size=32, patch_size=8, embed_dims=8, num_layers=4, num_heads=2)
HOST_VIT = dict(SIZES, type='mmseg.VisionTransformer', out_indices=(0, 1, 2, 3))


def pair(name: str, **arguments) -> tuple[nn.Module, nn.Module]:
    """Build the host's module and ours, with the same weights."""
    host = randomise(MODELS.build(dict(type=f'mmseg.{name}', **arguments)))
    ours = MODELS.build(dict(type=f'mmseg_vitseg.{name}', **arguments))
    assert {key: value.shape for key, value in ours.state_dict().items()} == {
        key: value.shape for key, value in host.state_dict().items()
    }
    ours.load_state_dict(host.state_dict())
    host.load_state_dict(ours.state_dict())
    return host, ours


def compare_logits(host: nn.Module, ours: nn.Module, features: list[torch.Tensor]) -> None:
    with torch.no_grad():
        expected, logits = host.eval()(features), ours.eval()(features)
    assert logits.shape == expected.shape
    assert_close(logits, expected)


def compare_training(host: nn.Module, ours: nn.Module, features: list[torch.Tensor]) -> None:
    """Losses, gradients of parameters and inputs, and the running statistics afterwards."""
    labels = torch.randint(0, 5, (len(features[0]), 1, 30, 22))
    labels[:, :, :2] = IGNORED
    samples = [SegDataSample(gt_sem_seg=PixelData(data=label)) for label in labels]
    results = []
    for head in (host, ours):
        leaves = [x.clone().requires_grad_() for x in features]
        torch.manual_seed(3)  # dropout
        losses = head.train().loss(leaves, samples, {})
        losses['loss_ce'].backward()
        gradients = {name: parameter.grad for name, parameter in head.named_parameters()}
        results.append((losses, gradients, [x.grad for x in leaves], dict(head.named_buffers())))
    (expected, *host_rest), (losses, *rest) = results
    assert losses.keys() == expected.keys()
    for name in losses:
        assert_close(losses[name], expected[name])
    # sums over all pixels, in another order: to the largest gradient's last digits
    assert_close(rest, host_rest, rtol=1e-4, atol=1e-5)
    assert all(gradient.abs().max() > 1e-6 for gradient in rest[1] if gradient is not None)
