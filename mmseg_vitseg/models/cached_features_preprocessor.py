"""Between a disk of features and the heads. B batch, D_i h_i w_i width and size of level i."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.data_preprocessor import SegDataPreProcessor
from torch import Tensor

from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class CachedFeaturesPreprocessor(SegDataPreProcessor):
    """The host's SegDataPreProcessor; features of a cache (datasets/cached.py) it puts into batches, as they are.

    A frozen backbone of ours hands such a batch on. The samples were prepared when the features were computed.
    """

    confirmed = False  # CachedFeaturesHook has compared the features with the model

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Return ``inputs``, pictures (B, C, H, W) or a tuple of features (B, D_i, h_i, w_i), and ``data_samples``.

        Raises:
            ValueError: nobody has looked whether the features are this model's.
        """
        if 'features' not in data:
            return super().forward(data, training)
        if not self.confirmed:
            raise ValueError(
                'cached features, which nobody has compared with the model; add '
                "custom_hooks = [dict(type='mmseg_vitseg.CachedFeaturesHook')] to the config"
            )
        data = self.cast_data(data)
        return dict(inputs=tuple(map(stacked, data['features'])), data_samples=data['data_samples'])


def stacked(level: Sequence[Tensor]) -> Tensor:
    """Put one level of several pictures (D, h, w) together: (B, D, h, w), float32, in their order in memory."""
    if level[0].is_contiguous():
        return torch.stack(list(level)).float()
    return torch.stack([x.permute(1, 2, 0) for x in level]).permute(0, 3, 1, 2).float()
