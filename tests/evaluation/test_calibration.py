"""ECE and the reliability table against scipy's binning, and the paper's definition."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from scipy.stats import binned_statistic
from torch.testing import assert_close

from mmseg_vitseg.evaluation import calibration
from mmseg_vitseg.evaluation.calibration import Reliability, bin_sums
from vitseg_tests.ranks import on_ranks

IGNORED = 255


def drawn(seed: int, classes: int = 4, size: tuple[int, int] = (60, 50)) -> tuple[torch.Tensor, ...]:
    """A picture's confidence, labels and truth, each (1, H, W); some pixels do not count."""
    torch.manual_seed(seed)
    probabilities = (2 * torch.randn(classes, *size)).softmax(0)
    confidence, labels = probabilities.max(0, keepdim=True)
    truth = torch.where(torch.rand(1, *size) < 0.6, labels, torch.randint(classes, (1, *size)))
    truth[:, :7] = IGNORED
    return confidence, labels, truth


def sample(confidence, labels, truth) -> SegDataSample:
    maps = dict(confidence=confidence, pred_sem_seg=labels, gt_sem_seg=truth)
    return SegDataSample(**{name: PixelData(data=data) for name, data in maps.items()})


@pytest.mark.parametrize('bins', [1, 10, 15, 40])
def test_bins_are_scipys(bins, monkeypatch):
    monkeypatch.setattr(calibration, 'STRIP', 700)
    confidence, labels, truth = drawn(0)
    pixels, right, certain = bin_sums(confidence, labels, truth, bins=bins).numpy()
    counted = truth != IGNORED
    values = confidence[counted].double().numpy()
    for found, what, statistic in (
        (pixels, values, 'count'),
        (certain, values, 'sum'),
        (right, (labels == truth)[counted].numpy(), 'sum'),
    ):
        np.testing.assert_allclose(found, binned_statistic(values, what, statistic, bins, (0, 1)).statistic)


def test_the_error_is_the_papers():
    """Equation 3, its bins half open at their lower end, of confidences that are ends of bins."""
    confidence = torch.tensor([0.25, 0.25, 0.5, 0.500001, 0.75, 1.0, 1.0, 0.0, 0.1])
    labels = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 0])
    truth = torch.tensor([0, 0, 2, 0, 0, 1, 0, 3, IGNORED])
    found = Reliability(bin_sums(confidence, labels, truth, bins=4))
    assert [one.pixels for one in found.bins] == [3, 1, 2, 2]
    assert [one.accuracy for one in found.bins] == pytest.approx([2 / 3, 1, 1 / 2, 1 / 2])
    assert [one.confidence for one in found.bins] == pytest.approx([0.5 / 3, 0.5, 0.6250005, 1.0])
    gaps = [3 * (2 / 3 - 0.5 / 3), 1 * 0.5, 2 * 0.1250005, 2 * 0.5]
    assert found.error == pytest.approx(sum(gaps) / 8)
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in found.table().splitlines()[3:-1]]
    assert rows[0] == ['0.0 to 25.0', '3', '16.67', '66.67']
    assert rows[3] == ['75.0 to 100.0', '2', '100.00', '50.00']


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
def test_a_gpu_counts_the_same_deterministically():
    maps = drawn(0)
    torch.use_deterministic_algorithms(True)
    try:
        found = bin_sums(*(one.cuda() for one in maps))
    finally:
        torch.use_deterministic_algorithms(False)
    assert_close(found.cpu(), bin_sums(*maps))


def test_a_model_that_is_as_sure_as_it_is_right():
    """Of the classes that a model's own probabilities draw, the error is the sampling's; of one that is too sure more."""
    torch.manual_seed(0)
    probabilities = (2 * torch.randn(200_000, 3)).softmax(1)
    truth = probabilities.multinomial(1)[:, 0]
    confidence, labels = probabilities.max(1)
    assert Reliability(bin_sums(confidence, labels, truth)).error < 0.005
    assert Reliability(bin_sums(confidence.sqrt(), labels, truth)).error > 0.05


def evaluated(pictures: list[SegDataSample], size: int, **settings) -> dict[str, float]:
    evaluator = Evaluator(dict(type='mmseg_vitseg.CalibrationMetric', **settings))
    evaluator.dataset_meta = dict(classes=tuple('abcd'))
    for picture in pictures:
        evaluator.process([picture])
    return evaluator.evaluate(size)


def test_the_metric_of_several_pictures_and_processes():
    maps = [drawn(seed, size=(30 + seed, 40)) for seed in range(5)]
    expected = 100 * Reliability(sum(bin_sums(*one) for one in maps)).error
    pictures = [sample(*one) for one in maps]
    assert evaluated(pictures, 5) == dict(ECE=pytest.approx(expected, abs=0.005))

    def work():  # the sampler gives the last one of the shorter share a picture once more
        rank = torch.distributed.get_rank()
        return evaluated([pictures[index % 5] for index in range(rank, 6, 2)], 5, collect_device='cpu', prefix='x')

    assert on_ranks(2, work) == [{'x/ECE': pytest.approx(expected, abs=0.005)}] * 2


def test_what_does_not_count():
    confidence, labels, truth = drawn(1)
    whole = evaluated([sample(confidence, labels, truth)], 1, ignore_index=0)
    assert whole == evaluated([sample(confidence, labels, truth.where(truth != 0, 77))], 1, ignore_index=77)
    nothing = evaluated([sample(confidence, labels, torch.full_like(truth, IGNORED))], 1)
    assert np.isnan(nothing['ECE'])


def test_what_is_missing():
    picture = sample(*drawn(0))
    del picture.confidence
    with pytest.raises(ValueError, match=r'no confidence; set model\.test_cfg\.confidence=True'):
        evaluated([picture], 1)
    del picture.gt_sem_seg
    picture.set_metainfo(dict(img_path='a.png'))
    with pytest.raises(ValueError, match=r'a\.png: without truth'):
        evaluated([picture], 1)
    with pytest.raises(ValueError, match='bins=0; at least 1'):
        evaluated([], 0, bins=0)
