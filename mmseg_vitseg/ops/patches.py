"""Between images and sequences of flattened patches.

B batch, C channels, H W image size in pixels, p patch size in pixels, h w patch grid, N = h w patches.
"""

import torch.nn.functional as F
from torch import Tensor


def pad_to_patches(images: Tensor, patch_size: int) -> Tensor:
    """Pad (B, C, H, W) with zeros at the bottom and the right, up to the next multiples of the patch size.

    This is the host's ``corner`` padding, so inputs of any size give the host's patch grid, (ceil(H / p), ceil(W / p)).
    """
    height, width = images.shape[-2:]
    # rounded up as it is exported: ONNX rounds a quotient towards zero, so -(-side // p) would be another number
    bottom, right = ((side + patch_size - 1) // patch_size * patch_size - side for side in (height, width))
    return F.pad(images, (0, right, 0, bottom))


def images_to_patches(images: Tensor, patch_size: int) -> Tensor:
    """Cut (B, C, H, W), H and W multiples of the patch size p, into flattened patches (B, N, C p p).

    Patches follow each other row by row. Inside a patch the order is channel, row, column: the order in which a
    convolution's kernel (D, C, p, p) flattens, so a ViT's published patch kernel is this linear layer's weight.
    """
    batch, channels, height, width = images.shape
    h, w = height // patch_size, width // patch_size
    cells = images.reshape(batch, channels, h, patch_size, w, patch_size)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(batch, h * w, channels * patch_size * patch_size)


def patches_to_images(patches: Tensor, grid: tuple[int, int], patch_size: int) -> Tensor:
    """Put flattened patches (B, N, C p p) of a grid (h, w) back together: (B, C, h p, w p).

    The inverse of :func:`images_to_patches`.
    """
    batch = patches.shape[0]
    h, w = grid
    cells = patches.reshape(batch, h, w, -1, patch_size, patch_size)
    return cells.permute(0, 3, 1, 4, 2, 5).reshape(batch, -1, h * patch_size, w * patch_size)
