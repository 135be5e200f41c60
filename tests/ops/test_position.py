import pytest
import torch
from mmseg.models.backbones import VisionTransformer as HostVisionTransformer
from torch.testing import assert_close

from mmseg_vitseg.ops.position import resize_position_grid


@pytest.mark.parametrize('mode', ['bicubic', 'bilinear'])
@pytest.mark.parametrize('grid', [(8, 8), (3, 9), (5, 2)])
def test_equals_the_hosts(mode, grid):
    positions = torch.randn(1, 1 + 4 * 6, 10)
    host = HostVisionTransformer.resize_pos_embed(positions, grid, (4, 6), mode)
    assert_close(resize_position_grid(positions, (4, 6), grid, mode=mode), host)


def test_same_grid_is_untouched():
    positions = torch.randn(1, 24, 10)
    assert resize_position_grid(positions, (4, 6), (4, 6)) is positions


def test_grid_of_the_same_area_is_resized():
    """The host compares counts only, and takes a 6 x 4 grid for a 4 x 6 one."""
    positions = torch.randn(1, 24, 10)
    assert not torch.equal(resize_position_grid(positions, (4, 6), (6, 4)), positions)


def test_antialias_averages_where_the_grid_shrinks():
    checkered = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(8, 8).reshape(1, 256, 1)
    assert resize_position_grid(checkered, (16, 16), (4, 4), mode='bilinear', antialias=True).abs().max() < 0.1
    assert resize_position_grid(checkered, (16, 16), (5, 5), mode='bilinear').abs().max() > 0.3


def test_half_precision_is_resized_in_float32():
    positions = torch.randn(1, 17, 8)
    low = resize_position_grid(positions.half(), (4, 4), (7, 7))
    assert torch.equal(low, resize_position_grid(positions.half().float(), (4, 4), (7, 7)).half())
    plain = torch.nn.functional.interpolate(
        positions[:, 1:].half().transpose(1, 2).unflatten(2, (4, 4)), (7, 7), mode='bicubic'
    )
    assert not torch.equal(low[:, 1:].transpose(1, 2), plain.flatten(2))  # what it would be otherwise
