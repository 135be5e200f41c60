"""Opt-in: other patch sizes and other channels; and what happens without opting in."""

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_vitseg.checkpoints.sizes import fit_positions
from mmseg_vitseg.ops.patch_kernel import change_input_channels, resize_patch_kernel
from vitseg_tests.published import VIT, reference_of


@pytest.fixture
def path(tmp_path):
    reference = reference_of('timm', tmp_path)
    torch.save(reference.state, tmp_path / 'x.pth')
    return tmp_path / 'x.pth'


def build(path, sizes: dict, **options):
    init_cfg = dict(type='Pretrained', checkpoint=str(path), **options)
    model = MODELS.build({**VIT, **sizes, 'init_cfg': init_cfg})
    model.init_weights()
    return model, torch.load(path).get('patch_embed.proj.weight')


LARGER, SMALLER = dict(patch_size=16, img_size=64), dict(patch_size=4, img_size=16)
RESIZE, ADAPT = dict(resize_patches=True), dict(adapt_channels=True)


@pytest.mark.parametrize(
    ('sizes', 'options', 'expected'),
    [
        (LARGER, RESIZE, lambda k: resize_patch_kernel(k, 16)),
        (SMALLER, RESIZE, lambda k: resize_patch_kernel(k, 4)),
        (dict(in_channels=5), ADAPT, lambda k: change_input_channels(k, 5)),
        (dict(LARGER, in_channels=1), ADAPT | RESIZE, lambda k: resize_patch_kernel(k.sum(1, keepdim=True), 16)),
    ],
)
def test_on_request(sizes, options, expected, path):
    model, kernel = build(path, sizes, **options)
    assert torch.equal(model.patch_embed.proj.weight, expected(kernel).flatten(1))


@pytest.mark.parametrize(
    ('sizes', 'options'), [(LARGER, {}), (LARGER, ADAPT), (dict(in_channels=5), {}), (dict(in_channels=5), RESIZE)]
)
def test_never_unasked(sizes, options, path):
    with pytest.raises(
        ValueError, match=r'1 of another shape \(patch_embed\.proj\.weight \(24, 3, 8, 8\), the model has'
    ):
        build(path, sizes, **options)


def test_a_file_of_ours_is_resized_too(path, tmp_path):
    """There the kernel is a linear layer's weight."""
    model, _ = build(path, {})
    torch.save(model.state_dict(), tmp_path / 'ours.pth')
    resized, _ = build(path, LARGER, **RESIZE)
    again, _ = build(tmp_path / 'ours.pth', LARGER, **RESIZE)
    assert torch.equal(again.patch_embed.proj.weight, resized.patch_embed.proj.weight)


@pytest.mark.parametrize('channels', [1, 2, 6])
def test_channels_of_a_file_of_ours(channels, path, tmp_path):
    """A whole model's too; from the changed ones again to others, as timm's rule has it."""
    model, kernel = build(path, {})
    state = {f'backbone.{name}': value for name, value in model.state_dict().items()}
    torch.save(dict(state_dict=state | {'decode_head.conv_seg.weight': torch.ones(2, 24, 1, 1)}), tmp_path / 'ours.pth')
    other, _ = build(tmp_path / 'ours.pth', dict(in_channels=channels), **ADAPT)
    expected = change_input_channels(kernel, channels)
    assert torch.equal(other.patch_embed.proj.weight, expected.flatten(1))
    torch.save(other.state_dict(), tmp_path / 'other.pth')
    again, _ = build(tmp_path / 'other.pth', dict(in_channels=4), **ADAPT)
    assert torch.equal(again.patch_embed.proj.weight, change_input_channels(expected, 4).flatten(1))


def test_channels_of_a_mit(tmp_path):
    reference = reference_of('segformer-imagenet', tmp_path)
    torch.save(reference.state, tmp_path / 'x.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'))
    with pytest.raises(ValueError, match='the model has'):
        MODELS.build(dict(reference.model, in_channels=4, init_cfg=init_cfg)).init_weights()
    model = MODELS.build(dict(reference.model, in_channels=4, init_cfg=dict(init_cfg, adapt_channels=True)))
    model.init_weights()
    expected = change_input_channels(reference.state['patch_embed1.proj.weight'], 4)
    assert torch.equal(model.stages[0].patch_embed.proj.weight, expected)


@pytest.mark.parametrize('file_has_token', [True, False])
@pytest.mark.parametrize('token', [True, False])
@pytest.mark.parametrize(('img_size', 'side'), [((24, 40), None), (32, 4), (32, 6)])
def test_positions(file_has_token, token, img_size, side):
    """A grid of 3 x 5 with a class token's entry is 16 positions, as a grid of 4 x 4 without one."""
    model = MODELS.build(dict(VIT, img_size=img_size, with_cls_token=token))
    height, width = (side, side) if side else model.grid
    grid = torch.randn(1, height * width, 24)
    positions = torch.cat([torch.full((1, 1, 24), 9.0), grid], dim=1) if file_has_token else grid
    fitted = fit_positions(positions, file_has_token, model, 'x.pth')
    assert fitted.shape == model.pos_embed.shape
    if token:
        assert torch.equal(fitted[:, 0], torch.full((1, 24), 9.0 if file_has_token else 0.0))
    if (height, width) == model.grid:
        assert torch.equal(fitted[:, int(token) :], grid)
