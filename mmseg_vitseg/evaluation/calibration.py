"""How far a model's confidence is its accuracy: the reliability table, and the expected calibration error."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger, print_log
from prettytable import PrettyTable
from torch import Tensor

from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.registry import METRICS

BINS = 15  # Guo et al.'s
STRIP = 2**20  # pixels that are counted at once


@METRICS.register_module()
class CalibrationMetric(BaseMetric):
    """Expected calibration error (ECE), in percent, with the reliability table (Guo et al., ICML 2017, arXiv 1706.04599).

    The pixels that count are sorted by their confidence into bins of equal width, (0, 1/M], (1/M, 2/M] ... In each bin the
    mean confidence should be the accuracy, the share of right pixels. With n_m of n pixels in bin m,

        ECE = sum over m of n_m / n |accuracy_m - confidence_m|.

    Args:
        bins: M.
        ignore_index: the label of pixels that do not count.
        kwargs: those of mmengine's metrics: ``prefix``, ``collect_device``.
    """

    def __init__(self, *, bins: int = BINS, ignore_index: int = IGNORED, **kwargs):
        super().__init__(**kwargs)
        if bins < 1:
            raise ValueError(f'CalibrationMetric: bins={bins}; at least 1 is needed')
        self.bins = bins
        self.ignore_index = ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep each picture's sums; of pictures with ``gt_sem_seg``, ``pred_sem_seg`` and ``confidence``.

        Raises:
            ValueError: the model gives no confidence, or there is no truth.
        """
        for sample in data_samples:
            if 'gt_sem_seg' not in sample:
                raise ValueError(f'{sample.get("img_path")}: without truth, so no accuracy; the pipeline loads no mask')
            if 'confidence' not in sample:
                raise ValueError(
                    'CalibrationMetric: the model predicts no confidence; set model.test_cfg.confidence=True, of a model of '
                    "type mmseg_vitseg.EncoderDecoder or mmseg_vitseg.EoMT: the host's, without the prefix, has none"
                )
            maps = (sample[key]['data'] for key in ('confidence', 'pred_sem_seg', 'gt_sem_seg'))
            self.results.append(bin_sums(*maps, bins=self.bins, ignored=self.ignore_index).cpu())

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        """Print the table, and return ``ECE``."""
        found = Reliability(torch.stack(results).sum(0))
        print_log(f'reliability:\n{found.table()}', logger=MMLogger.get_current_instance())
        return dict(ECE=round(100 * found.error, 2))


@torch.no_grad()
def bin_sums(confidence: Tensor, labels: Tensor, truth: Tensor, *, bins: int = BINS, ignored: int = IGNORED) -> Tensor:
    """Count the pixels of each bin of confidence.

    Args:
        confidence: of any shape, from 0 to 1.
        labels, truth: of as many pixels.
        bins: how many there are, each without its lower end and with its upper one; 0 is in the first.
        ignored: the truth of pixels that do not count.

    Returns:
        (3, bins), float64: how many pixels, how many of them right, and the sum of their confidence.
    """
    sums = torch.zeros(3, bins, dtype=torch.float64, device=confidence.device)
    maps = (one.to(confidence.device).flatten().split(STRIP) for one in (confidence, labels, truth))
    for certain, label, real in zip(*maps, strict=True):
        certain = certain.double()
        # what is ignored goes to a bin of its own: a mask's length would have to be waited for on a GPU
        place = (certain * bins).ceil_().long().sub_(1).clamp_(0, bins - 1).masked_fill_(real == ignored, bins)
        counts = torch.bincount(2 * place + (label == real), minlength=2 * bins + 2).view(-1, 2)[:-1]
        sums[0] += counts.sum(1)
        sums[1] += counts[:, 1]
        sums[2] += certain.new_zeros(bins + 1).index_add_(0, place, certain)[
            :-1
        ]  # bincount's weights: not deterministic
    return sums


@dataclass(frozen=True)
class Bin:
    """A bin of confidence that has pixels; all but these are from 0 to 1."""

    low: float
    high: float
    pixels: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Reliability:
    """A model's confidence beside its accuracy.

    Args:
        sums: those of :func:`bin_sums`, of all pictures.
    """

    sums: Tensor

    @property
    def bins(self) -> list[Bin]:
        """The bins that have pixels, from the lowest confidence to the highest."""
        count = self.sums.shape[1]
        columns = enumerate(self.sums.T.tolist())
        return [
            Bin(index / count, (index + 1) / count, int(pixels), confidence / pixels, right / pixels)
            for index, (pixels, right, confidence) in columns
            if pixels
        ]

    @property
    def pixels(self) -> int:
        """How many are counted."""
        return int(self.sums[0].sum())

    @property
    def error(self) -> float:
        """The expected calibration error, from 0 to 1; NaN without pixels."""
        pixels, right, confidence = self.sums
        return float((right - confidence).abs().sum() / pixels.sum())

    def table(self) -> str:
        """Return the table as text, in percent."""
        table = PrettyTable(['Confidence', 'Pixels', 'Mean confidence', 'Accuracy'], align='r')
        for one in self.bins:
            table.add_row(
                [
                    f'{100 * one.low:.1f} to {100 * one.high:.1f}',
                    one.pixels,
                    f'{100 * one.confidence:.2f}',
                    f'{100 * one.accuracy:.2f}',
                ]
            )
        return table.get_string()
