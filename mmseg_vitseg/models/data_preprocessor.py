"""Batches of pictures of any number of bands, normalised band by band. B batch, C bands, H W size."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models import data_preprocessor as host

from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class SegDataPreProcessor(host.SegDataPreProcessor):
    """The host's, which takes a mean and a std for each of any number of bands, where the host's are of one or three.

    ``(x - mean) / std``, each band by its own, in training, in predicting and in what is exported. Pictures (C, H, W) of any
    dtype become (B, C, H, W), float32; ``bgr_to_rgb`` and ``rgb_to_bgr`` turn those of three bands alone.

    Args:
        mean: of each band, in the values that the loading step gives; one for all of them. None: nothing is normalised.
        std: likewise.
        kwargs: the host's.

    Raises:
        ValueError: not as many numbers in the one as in the other, or a std that is not above 0.
    """

    def __init__(self, *, mean: Sequence[float] | None = None, std: Sequence[float] | None = None, **kwargs):
        if len(mean or ()) != len(std or ()) or not all(one > 0 for one in std or ()):
            raise ValueError(
                f'SegDataPreProcessor: mean={mean}, std={std}; allowed: None and None, or for each band a number and a '
                'number above 0'
            )
        super().__init__(mean=mean and mean[:1], std=std and std[:1], **kwargs)
        if mean and std:  # buffers, in the place of those of the first band
            self.mean, self.std = (torch.tensor(one, dtype=torch.float32).view(-1, 1, 1) for one in (mean, std))

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Return ``inputs``, (B, C, H, W), and ``data_samples``, as the host does.

        Raises:
            ValueError: pictures of other bands than there are means.
        """
        found, means = data['inputs'][0].shape[0], len(self.mean) if self._enable_normalize else 1
        if 1 not in (found, means) and found != means:
            raise ValueError(
                f'pictures of {found} bands, and model.data_preprocessor.mean is of {means}; change what the loading step '
                'reads, or mean and std'
            )
        return super().forward(data, training)
