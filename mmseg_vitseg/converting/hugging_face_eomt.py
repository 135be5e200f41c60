"""What Hugging Face's EoMT has otherwise than ours: positions, registers, and settings in the place of weights."""

from collections.abc import Mapping

import torch
from torch import Tensor

NO_OBJECT_WEIGHT = 0.1  # its default


def refitted(native: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return our weights with what theirs have: positions of patches alone, and registers, though there be none.

    The class token's position is added to the token, as the first layer does.

    Args:
        native: our name -> tensor.
        prefix: what stands before the backbone's names.

    Raises:
        ValueError: there is no class token.
    """
    token, positions, registers = (f'{prefix}{name}' for name in ('cls_token', 'pos_embed', 'reg_token'))
    if token not in native:
        raise ValueError("Hugging Face's EoMT has a class token, this model has none")
    result = {registers: native[token][:, :0], **native}  # (1, 0, D)
    if positions in native:
        result[token] = native[token] + native[positions][:, :1]
        result[positions] = native[positions][:, 1:]
    return result


def settings(theirs: Mapping[str, Tensor], query_blocks: int | None) -> dict[str, Tensor]:
    """Return what is no weight and stands in its files all the same.

    Args:
        theirs: its name -> tensor.
        query_blocks: how many blocks the queries pass.

    Returns:
        with what probability each of these blocks masks, 0, for it would mask in evaluation too; the classes' weights in its
        loss, its default.

    Raises:
        ValueError: ``query_blocks`` is not known.
    """
    if query_blocks is None:
        raise ValueError(
            'how many blocks the queries of EoMT pass is not in these weights: name their config, --config'
        )
    bias = theirs['class_predictor.bias']
    class_weights = torch.ones_like(bias)
    class_weights[-1] = NO_OBJECT_WEIGHT
    return {'attn_mask_probs': bias.new_zeros(query_blocks), 'criterion.empty_weight': class_weights}
