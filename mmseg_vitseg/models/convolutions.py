"""The host's convolution, norm, activation blocks, run in the order that costs the least; weights and names stay theirs.

B batch, C channels in, K channels out, h w patch grid, s scale.
"""

from typing import TypeGuard

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_vitseg.machine import as_on_cuda
from mmseg_vitseg.ops.folding import fold_batch_norm, fold_batch_norm_before
from mmseg_vitseg.ops.reorder import conv_of_upsampled, scaled

# elements of a map, on CUDA: six launches more take as long there as the norm reads and writes so many
FOLDED_FROM = 2**23


def norm_channels(norm: nn.Module, x: Tensor) -> Tensor:
    """Layer-norm (B, C, h, w) over C.

    A feature map that a ViT returns has its tokens' memory layout, channels last, and keeps it here; the convolutions after
    it then run in that layout, the faster one on CPUs and for half precision on GPUs.
    """
    tokens = norm(x.flatten(2).transpose(1, 2))  # (B, h w, C)
    # not transpose(1, 2).unflatten(2, ...): the batch stride that a single image then has, torch takes for channels first
    return tokens.unflatten(1, x.shape[-2:]).permute(0, 3, 1, 2)


def conv_norm_act(block: ConvModule, x: Tensor) -> Tensor:
    """Run a block on (B, C, h, w), stride 1: (B, K, h, w); its batch norm within the convolution in evaluation mode."""
    weight, bias, norm = fold_norm(block, x.shape[0] * x.shape[2] * x.shape[3])
    x = F.conv2d(x, weight, bias, padding=block.padding)
    return norm_act(block, norm, x)


def upsample_conv_norm_act(block: ConvModule, x: Tensor, scale: float, align_corners: bool) -> Tensor:
    """Run a block on (B, C, h, w) upsampled bilinearly: (B, K, s h, s w).

    The convolution moves before the upsampling where that is exact, and a batch norm in evaluation mode with it. In training
    mode the statistics are those of the upsampled map, so there the norm stays behind; the activation always does.
    """
    height, width = scaled(x.shape[2:], scale)
    weight, bias, norm = fold_norm(block, x.shape[0] * height * width)
    x = conv_of_upsampled(x, weight, bias, scale, align_corners)
    return norm_act(block, norm, x)


def fold_norm(block: ConvModule, pixels: int) -> tuple[Tensor, Tensor | None, nn.Module | None]:
    """Return weight, bias and the norm that is left to do.

    Folded anew at each call, which costs about a fiftieth of the convolution at 32 x 32: nothing that could go stale when
    weights are trained, loaded, moved or averaged. A tensor's version would not tell: mmengine's EMAHook exchanges weights
    through ``.data``, which leaves it as it is.

    Args:
        block: convolution and norm.
        pixels: of the result, B H W.
    """
    conv, norm = block.conv, block.norm
    if not folds(norm, pixels * conv.out_channels):
        return conv.weight, conv.bias, norm
    return *fold_batch_norm(conv.weight, conv.bias, **_statistics(norm)), None


def fold_norm_before(norm: _BatchNorm, conv: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the one 1x1 convolution that equals a batch norm that :func:`folds` and a convolution."""
    return fold_batch_norm_before(conv.weight, conv.bias, **_statistics(norm))


def folds(norm: nn.Module | None, elements: int) -> TypeGuard[_BatchNorm]:
    """Tell whether a norm is a convolution's part: a batch norm of fixed statistics, where that is the faster way.

    Args:
        norm: of a map.
        elements: of that map.
    """
    if not isinstance(norm, _BatchNorm) or norm.training or norm.running_mean is None:
        return False
    # a compiler makes one launch of the folding, and would have to know the size
    return not as_on_cuda(norm.running_mean.device) or torch.compiler.is_compiling() or elements >= FOLDED_FROM


def _statistics(norm: _BatchNorm) -> dict:
    return dict(mean=norm.running_mean, var=norm.running_var, eps=norm.eps, gamma=norm.weight, beta=norm.bias)


def norm_act(block: ConvModule, norm: nn.Module | None, x: Tensor) -> Tensor:
    """Run a block's norm, unless it is folded, and its activation on (B, K, h, w), in place."""
    if norm is not None:
        x = norm(x)
    return block.activate(x) if block.with_activation else x  # in place: x is this block's own
