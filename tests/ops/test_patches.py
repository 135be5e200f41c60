import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmseg_vitseg.ops.patches import images_to_patches, pad_to_patches, patches_to_images


def test_patches_are_what_a_convolution_sees():
    images = torch.randn(2, 5, 12, 20)
    unfolded = F.unfold(images, kernel_size=4, stride=4).transpose(1, 2)
    assert_close(images_to_patches(images, 4), unfolded, rtol=0, atol=0)


def test_patches_and_back():
    images = torch.randn(2, 5, 12, 20)
    assert torch.equal(patches_to_images(images_to_patches(images, 4), (3, 5), 4), images)


def test_logits_of_patches_are_a_pixel_shuffle():
    tokens = torch.randn(2, 6, 3 * 4 * 4)
    shuffled = F.pixel_shuffle(tokens.transpose(1, 2).unflatten(2, (2, 3)), 4)
    assert torch.equal(patches_to_images(tokens, (2, 3), 4), shuffled)


@pytest.mark.parametrize(
    ('size', 'padded'), [((8, 8), (8, 8)), ((9, 8), (12, 8)), ((7, 13), (8, 16)), ((1, 1), (4, 4))]
)
def test_padding_is_at_the_bottom_and_the_right(size, padded):
    images = torch.rand(1, 2, *size) + 1
    result = pad_to_patches(images, 4)
    assert result.shape[-2:] == padded
    assert torch.equal(result[..., : size[0], : size[1]], images)
    assert result.sum() == pytest.approx(images.sum().item(), rel=1e-6)
