"""What is kept of each picture. B batch, D h w width and size of a level, H W size of a mask."""

import json
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmseg.structures import SegDataSample
from torch import Tensor, nn


@torch.no_grad()
def features_of(
    model: nn.Module, samples: Sequence[dict], *, training: bool, dtype: str
) -> list[tuple[list[Tensor], list[int | None], np.ndarray | None, dict, list]]:
    """Return what FeatureWriter.add takes of each picture: levels (D, h, w), gaps, mask (H, W), metainfo and files.

    Args:
        model: with a frozen backbone.
        samples: a batch of :class:`~mmseg_vitseg.caching.pictures.Pictures`.
        training: the data preprocessor prepares them as in training.
        dtype: of the levels, ``float32`` or ``float16``.

    Raises:
        ValueError: features that the dtype does not hold, or labels of other kinds.
    """
    batch = pseudo_collate([dict(inputs=one['inputs'], data_samples=one['data_samples']) for one in samples])
    batch = model.data_preprocessor(batch, training)
    levels = model.backbone(batch['inputs'])  # of (B, D, h, w)
    gaps = [gap_of(level) for level in levels]
    records = []
    for place, sample in enumerate(batch['data_samples']):
        # one by one: of a batch without its class tokens, torch would not keep the order in memory
        own = [level[place].to(getattr(torch, dtype)).cpu() for level in levels]
        if not all(level.isfinite().all() for level in own):
            cure = 'the picture or the weights are damaged' if dtype == 'float32' else '--dtype float32 holds more'
            raise ValueError(f'{sample.img_path}: features that {dtype} does not hold, infinite or NaN; {cure}')
        records.append((own, gaps, mask_of(sample), dict(sample.metainfo), json.loads(samples[place]['files'])))
    return records


def gap_of(level: Tensor) -> int | None:
    """Return how many numbers are before each picture of (B, D, h, w) in channels-last order; None in another order."""
    picture = level[0]
    if picture.stride(0) != 1 or picture.is_contiguous():
        return None
    return level.stride(0) - picture.numel()


def mask_of(sample: SegDataSample) -> np.ndarray | None:
    """Return a sample's mask (H, W), uint8; None where it has none.

    Raises:
        ValueError: it has labels of other kinds.
    """
    if others := [name for name in sample.keys() if name != 'gt_sem_seg']:  # noqa: SIM118  iterating it would be over all
        raise ValueError(f'{sample.img_path}: has {", ".join(others)}; a cache keeps gt_sem_seg alone')
    if 'gt_sem_seg' not in sample:
        return None
    labels = sample.gt_sem_seg.data.squeeze(0).cpu().numpy()
    if labels.min() < 0 or labels.max() > 255:
        raise ValueError(f'{sample.seg_map_path}: labels from {labels.min()} to {labels.max()}; allowed: 0 to 255')
    return labels.astype(np.uint8)
