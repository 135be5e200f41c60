"""Test-time augmentation: of several classes the host's, of one logit the mean of probabilities."""

import copy

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.engine.running.runner import check_views

pytestmark = pytest.mark.filterwarnings('ignore:The shape of value will convert')  # the host's own


class Views(nn.Module):
    """Predicts what it is given: ``seg_logits`` (K, H, W) of each view."""

    def __init__(self, logits: int, threshold: float | None = None, **test_cfg):
        super().__init__()
        self.out_channels, self.test_cfg = logits, test_cfg
        self.decode_head = nn.Module()
        self.decode_head.threshold = threshold

    def test_step(self, views: list[torch.Tensor]) -> list[SegDataSample]:
        """Return a sample for each map of one view of the pictures."""
        return [
            SegDataSample(
                metainfo=dict(img_path=f'{i}'), seg_logits=PixelData(data=x), gt_sem_seg=PixelData(data=x[:1])
            )
            for i, x in enumerate(views)
        ]


def merged(scope: str, module: nn.Module, views: list[list[torch.Tensor]]) -> list[SegDataSample]:
    tta = MODELS.build(dict(type=f'{scope}.SegTTAModel', module=module))
    return tta.merge_preds(list(zip(*map(module.test_step, copy.deepcopy(views)), strict=True)))


@pytest.mark.parametrize(('threshold', 'expected'), [(0.5, [0, 1, 0, 1]), (0.3, [1, 1, 0, 1]), (0.8, [0, 0, 0, 1])])
def test_one_logit_is_the_mean_probability_above_the_threshold(threshold, expected):
    first, second = torch.tensor([[[0.1, 0.4], [0.05, 0.99]]]), torch.tensor([[[0.7, 0.8], [0.1, 0.7]]])
    (one,) = merged('mmseg_vitseg', Views(1, threshold), [[first], [second]])  # means 0.4, 0.6, 0.075, 0.845
    assert one.pred_sem_seg.data.flatten().tolist() == expected
    assert one.pred_sem_seg.data.shape == (1, 2, 2)
    assert (one.img_path, one.gt_sem_seg.data.equal(first)) == ('0', True)
    (host,) = merged('mmseg', Views(1, threshold), [[first], [second]])  # which is why: 1 / (1 + exp(-0.05)) > 0.5
    assert threshold > 0.5 or host.pred_sem_seg.data.min() == 1


def test_several_classes_are_the_hosts():
    views = [[torch.randn(3, 4, 5) for _ in range(2)] for _ in range(3)]
    ours, host = (merged(scope, Views(3), views) for scope in ('mmseg_vitseg', 'mmseg'))
    for mine, theirs in zip(ours, host, strict=True):
        assert mine.pred_sem_seg.data.equal(theirs.pred_sem_seg.data)
        assert mine.img_path == theirs.img_path


def test_confidence_is_that_of_the_mean_probabilities():
    views = [[torch.randn(3, 4, 5) for _ in range(2)] for _ in range(3)]
    ours = merged('mmseg_vitseg', Views(3, confidence=True), views)
    host = merged('mmseg', Views(3), views)
    for index, (mine, theirs) in enumerate(zip(ours, host, strict=True)):
        assert mine.pred_sem_seg.data.equal(theirs.pred_sem_seg.data)
        mean = torch.stack([view[index] for view in views]).softmax(1).mean(0)
        assert_close(mine.confidence.data, mean.amax(0, keepdim=True))
    first, second = torch.tensor([[[0.1, 0.4]]]), torch.tensor([[[0.7, 0.9]]])
    (one,) = merged('mmseg_vitseg', Views(1, 0.5, confidence=True), [[first], [second]])
    assert_close(one.confidence.data, torch.tensor([[[0.6, 0.65]]]))


def test_the_hosts_with_one_logit_is_refused():
    host, several, ours = (
        MODELS.build(dict(type=f'{scope}.SegTTAModel', module=Views(logits)))
        for scope, logits in (('mmseg', 1), ('mmseg', 3), ('mmseg_vitseg', 1))
    )
    with pytest.raises(ConfigError, match=r"tta_model\.type='mmseg_vitseg\.SegTTAModel'"):
        check_views(host)
    for right in (several, ours, Views(1)):
        check_views(right)
