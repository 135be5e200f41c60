"""Between a disk of features and the heads. B batch, D_i h_i w_i width and size of level i."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmseg_vitseg.models.data_preprocessor import SegDataPreProcessor
from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class CachedFeaturesPreprocessor(SegDataPreProcessor):
    """SegDataPreProcessor; features of a cache (datasets/cached.py) it puts into batches, as they are.

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
        levels = zip(data['features'], data['gaps'], strict=True)
        return dict(inputs=tuple(stacked(*level) for level in levels), data_samples=data['data_samples'])


def stacked(level: Sequence[Tensor], gaps: Sequence[int | None]) -> Tensor:
    """Put one level of several pictures (D, h, w) together: (B, D, h, w), float32.

    It is in memory as the backbone's is, with gaps between pictures (feature_files.py): kernels choose their order of adding
    by that.
    """
    gap = gaps[0]
    if gap is None:
        return torch.stack([x.float() for x in level])
    turned = [x.permute(1, 2, 0).float() for x in level]  # (h, w, D)
    room = turned[0].new_empty(len(turned), gap + turned[0].numel())
    batch = torch.stack(turned, out=room[:, gap:].unflatten(1, turned[0].shape))  # (B, h, w, D)
    return batch.permute(0, 3, 1, 2)
