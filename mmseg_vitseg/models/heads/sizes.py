"""Sizes that the host hands to its heads in the images' meta information."""

import torch


def input_size(batch_img_metas: list[dict]) -> tuple[int, int]:
    """Return the (H, W) of the network's input, by the host's rule.

    In sliding-window inference the host puts the window's torch.Size under ``img_shape``; otherwise an image that was padded
    has its padded size under ``pad_shape``.
    """
    meta = batch_img_metas[0]
    if isinstance(meta['img_shape'], torch.Size) or 'pad_shape' not in meta:
        return tuple(meta['img_shape'][:2])
    return tuple(meta['pad_shape'][:2])
