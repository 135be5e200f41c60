"""Label maps of prepared pictures, and how sure a model is of them. H W size of a picture."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_vitseg.config.heads import MASK_HEADS
from mmseg_vitseg.models.confidence import add_confidence, asking_for_confidence
from mmseg_vitseg.models.prediction import predicting_head
from mmseg_vitseg.models.seg_tta_model import gives_probabilities


def predict_prepared(model: nn.Module, prepared: dict) -> np.ndarray:
    """Predict the class of each pixel of a prepared picture: (H, W), int64."""
    return label_maps(model, [prepared])[0]


def label_maps(model: nn.Module, batch: Sequence[dict]) -> list[np.ndarray]:
    """Return the label maps (H, W), int64, of prepared pictures, which go through the model together."""
    return [_labels(sample) for sample in _tested(model, batch)]


def maps_with_confidence(model: nn.Module, batch: Sequence[dict]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the same label maps, each with the probability of its classes, (H, W), float32.

    Our segmentors find it in the pass that finds the labels (``test_cfg.confidence=True`` has it always). What computes
    labels from a head's small logits or masks by itself gets both from their ``labels(threshold, confidence=True)``
    (:class:`~mmseg_vitseg.models.prediction.Small`). Of others it is made of their ``seg_logits``.
    """
    with asking_for_confidence():
        samples = _tested(model, batch)
    if any('confidence' not in sample for sample in samples):
        head = predicting_head(model)
        masks = type(head).__name__ in MASK_HEADS
        add_confidence(samples, head, probabilities=masks or gives_probabilities(model))
    return [(_labels(sample), sample.confidence.data[0].cpu().numpy()) for sample in samples]


def maps_of(
    model: nn.Module, batch: Sequence[dict], *, confidence: bool
) -> Sequence[tuple[np.ndarray, np.ndarray | None]]:
    """Return the label maps, each with its confidence, or with None where it is not asked for."""
    return maps_with_confidence(model, batch) if confidence else [(labels, None) for labels in label_maps(model, batch)]


@torch.no_grad()
def _tested(model: nn.Module, batch: Sequence[dict]) -> list[SegDataSample]:
    return model.test_step({key: [sample[key] for sample in batch] for key in ('inputs', 'data_samples')})


def _labels(sample: SegDataSample) -> np.ndarray:
    return sample.pred_sem_seg.data[0].long().cpu().numpy()


def batches(samples: Iterable[dict], size: int) -> Iterable[list[dict]]:
    """Put neighbours of one size together, at most ``size`` of them."""
    batch: list[dict] = []
    for sample in samples:
        if batch and (len(batch) == size or sample['inputs'].shape != batch[0]['inputs'].shape):
            yield batch
            batch = []
        batch.append(sample)
    if batch:
        yield batch
