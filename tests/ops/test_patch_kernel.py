import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmseg_vitseg.ops.patch_kernel import change_input_channels, resize_patch_kernel


def tokens(images, kernel):
    return F.conv2d(images, kernel, stride=kernel.shape[-1]).flatten(2)


@pytest.mark.parametrize('mode', ['bilinear', 'bicubic'])
@pytest.mark.parametrize(('old', 'new'), [(4, 8), (8, 12), (14, 16)])
def test_a_patch_that_grows_keeps_its_token(old, new, mode):
    """FlexiViT's property: the resized patch under the resized kernel gives the token of the patch under the kernel."""
    kernel, patch = torch.randn(6, 3, old, old), torch.randn(5, 3, old, old)
    grown = F.interpolate(patch, size=(new, new), mode=mode, align_corners=False)
    assert_close(
        tokens(grown, resize_patch_kernel(kernel, new, mode=mode)), tokens(patch, kernel), rtol=1e-4, atol=1e-4
    )


def test_a_patch_that_shrinks_comes_as_close_as_it_can():
    """The least squares of the definition: no change of the kernel brings the tokens of all patches nearer."""
    kernel = torch.randn(2, 1, 8, 8)
    pixels = torch.eye(64).reshape(64, 1, 8, 8)
    shrunk = F.interpolate(pixels, size=(4, 4), mode='bilinear', align_corners=False)
    resized = resize_patch_kernel(kernel, 4)

    def distance(candidate):
        return (tokens(shrunk, candidate) - tokens(pixels, kernel)).square().sum()

    assert all(distance(resized) < distance(resized + 0.01 * torch.randn(2, 1, 4, 4)) for _ in range(10))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_there_and_back(dtype):
    kernel = torch.randn(4, 3, 6, 6).to(dtype)
    assert resize_patch_kernel(kernel, 6) is kernel
    grown = resize_patch_kernel(kernel, 12)
    assert grown.dtype == dtype
    if dtype == torch.float32:
        grown = grown.double()
        again = F.interpolate(torch.eye(36).reshape(36, 1, 6, 6).double(), size=(12, 12), mode='bilinear')
        assert_close((grown.flatten(2) @ again.flatten(1).T).float(), kernel.flatten(2), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('channels', [1, 3, 6, 9])
def test_an_image_of_equal_channels_keeps_its_tokens(channels):
    kernel, grey = torch.randn(6, 3, 4, 4), torch.randn(2, 1, 8, 12)
    expected = tokens(grey.expand(-1, 3, -1, -1), kernel)
    changed = change_input_channels(kernel, channels)
    assert_close(tokens(grey.expand(-1, channels, -1, -1), changed), expected, rtol=1e-4, atol=1e-5)


def test_more_channels_repeat_the_old_ones_in_order():
    kernel = torch.randn(6, 3, 4, 4)
    assert change_input_channels(kernel, 3) is kernel
    four = change_input_channels(kernel, 4)
    assert_close(four, kernel[:, [0, 1, 2, 0]] * 0.75)
