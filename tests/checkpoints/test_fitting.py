"""Opt-in: other patch sizes and other channels; and what happens without opting in."""

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_vitseg.checkpoints.sizes import fit_positions
from mmseg_vitseg.ops.patch_kernel import change_input_channels, resize_patch_kernel
from vitseg_tests.published import reference_of


@pytest.fixture
def path(tmp_path):
    reference = reference_of('timm', tmp_path)
    torch.save(reference.state, tmp_path / 'x.pth')
    return tmp_path / 'x.pth'


def build(path, sizes: dict, **options):
    arguments = dict(embed_dims=24, num_layers=2, num_heads=4, img_size=32, patch_size=8, final_norm=True)
    init_cfg = dict(type='Pretrained', checkpoint=str(path), **options)
    model = MODELS.build(dict(type='mmseg_vitseg.VisionTransformer', **{**arguments, **sizes}, init_cfg=init_cfg))
    model.init_weights()
    return model, torch.load(path)['patch_embed.proj.weight']


@pytest.mark.parametrize(
    ('sizes', 'options', 'expected'),
    [
        (dict(patch_size=16, img_size=64), dict(resize_patches=True), lambda k: resize_patch_kernel(k, 16)),
        (dict(patch_size=4, img_size=16), dict(resize_patches=True), lambda k: resize_patch_kernel(k, 4)),
        (dict(in_channels=5), dict(adapt_channels=True), lambda k: change_input_channels(k, 5)),
        (
            dict(in_channels=1, patch_size=16, img_size=64),
            dict(adapt_channels=True, resize_patches=True),
            lambda k: resize_patch_kernel(k.sum(1, keepdim=True), 16),
        ),
    ],
)
def test_on_request(sizes, options, expected, path):
    model, kernel = build(path, sizes, **options)
    assert torch.equal(model.patch_embed.proj.weight, expected(kernel).flatten(1))


@pytest.mark.parametrize(
    ('sizes', 'options'),
    [
        (dict(patch_size=16, img_size=64), dict()),
        (dict(patch_size=16, img_size=64), dict(adapt_channels=True)),
        (dict(in_channels=5), dict()),
        (dict(in_channels=5), dict(resize_patches=True)),
    ],
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
    resized, _ = build(path, dict(patch_size=16, img_size=64), resize_patches=True)
    again = MODELS.build(
        dict(
            type='mmseg_vitseg.VisionTransformer',
            embed_dims=24,
            num_layers=2,
            num_heads=4,
            img_size=64,
            patch_size=16,
            final_norm=True,
            init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'ours.pth'), resize_patches=True),
        )
    )
    again.init_weights()
    assert torch.equal(again.patch_embed.proj.weight, resized.patch_embed.proj.weight)


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
    model = MODELS.build(
        dict(
            type='mmseg_vitseg.VisionTransformer',
            img_size=img_size,
            patch_size=8,
            embed_dims=8,
            num_layers=1,
            num_heads=1,
            with_cls_token=token,
        )
    )
    height, width = (side, side) if side else model.grid
    grid = torch.randn(1, height * width, 8)
    positions = torch.cat([torch.full((1, 1, 8), 9.0), grid], dim=1) if file_has_token else grid
    fitted = fit_positions(positions, file_has_token, model, 'x.pth')
    assert fitted.shape == model.pos_embed.shape
    if token:
        assert torch.equal(fitted[:, 0], torch.full((1, 8), 9.0 if file_has_token else 0.0))
    if (height, width) == model.grid:
        assert torch.equal(fitted[:, int(token) :], grid)
