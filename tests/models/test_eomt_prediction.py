"""EoMT's labels and scores against Hugging Face's post-processing, and against its authors' rule written out."""

import copy
import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.testing import assert_close

from mmseg_vitseg.models import EoMT
from mmseg_vitseg.models.windows import window_starts
from vitseg_tests.weights import randomise

pytest.importorskip('transformers', reason='no transformers to compare with')
from transformers.models.eomt.image_processing_pil_eomt import EomtImageProcessorPil

from vitseg_tests.eomt_files import CLASSES, FAMILIES, SIDE

SLIDE = dict(mode='slide', crop_size=(SIDE, SIDE), stride=(20, 12))
AUTHORS = dict(mode='slide', crop_size=(SIDE, SIDE))


def build(family: str = 'DINOv2', classes: int = CLASSES, **test_cfg) -> EoMT:
    config = FAMILIES[family].segmentor(head=dict(num_classes=classes), test_cfg=test_cfg or dict(mode='whole'))
    model = MODELS.build(ConfigDict(config))
    randomise(model)
    return model.eval()


def samples(batch: int, size: tuple[int, int], own: tuple[int, int], **meta) -> list[SegDataSample]:
    return [SegDataSample(metainfo=dict(img_shape=size, ori_shape=own, **meta)) for _ in range(batch)]


def predicted(model: EoMT, images: torch.Tensor, data_samples: list) -> tuple[torch.Tensor, torch.Tensor]:
    """Return labels (B, H, W) and scores (B, K, H, W)."""
    with torch.no_grad():
        results = model(images, copy.deepcopy(data_samples), mode='predict')
    labels, scores = ([one.get(key).data for one in results] for key in ('pred_sem_seg', 'seg_logits'))
    return torch.stack(labels)[:, 0], torch.stack(scores)


def check(labels: torch.Tensor, scores: torch.Tensor, expected: torch.Tensor) -> None:
    assert_close(scores, expected)
    best, second = expected.topk(2, dim=1).values.unbind(1)
    sure = best - second > 1e-5
    assert sure.float().mean() > 0.98
    assert torch.equal(labels[sure], expected.argmax(1)[sure])


@torch.no_grad()
def dense_scores(model: EoMT, images: torch.Tensor) -> torch.Tensor:
    """Return the scores (B, K, H, W) of images, at their own size, all at once."""
    (prediction,) = model.extract_feat(images)
    size = [math.ceil(side / model.backbone.patch_size) * model.backbone.patch_size for side in images.shape[2:]]
    masks = F.interpolate(prediction.masks, size, mode='bilinear').sigmoid()
    scores = torch.einsum('bqk,bqhw->bkhw', prediction.classes.softmax(-1)[..., :-1], masks)
    return scores[..., : images.shape[2], : images.shape[3]]


def resized(scores: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return F.interpolate(scores, size, mode='bilinear')


@pytest.mark.parametrize('own', [(SIDE, SIDE), (45, 51), (20, 90)])
@pytest.mark.parametrize('family', ['DINOv2', 'DINOv3'])
def test_one_window_is_hugging_faces(family, own):
    """Whole pictures, brought to the crop: its rule and ours are one."""
    model, images = build(family), torch.randn(2, 3, SIDE, SIDE)
    with torch.no_grad():
        (prediction,) = model.extract_feat(images)
    outputs = SimpleNamespace(
        masks_queries_logits=prediction.masks, class_queries_logits=prediction.classes, patch_offsets=None
    )
    size = dict(shortest_edge=SIDE, longest_edge=SIDE)
    theirs = EomtImageProcessorPil().post_process_semantic_segmentation(
        outputs, [own] * 2, size, return_segmentation_scores=True
    )
    labels, scores = predicted(model, images, samples(2, (SIDE, SIDE), own))
    check(labels, scores, torch.stack([one.segmentation_scores for one in theirs]))


@pytest.mark.parametrize('size', [(SIDE, 100), (75, SIDE), (SIDE, SIDE), (SIDE, SIDE + 1)])
def test_windows_along_the_longer_side_are_hugging_faces(size):
    """The authors' rule: the fewest that cover it, evenly overlapped, averaged, then resized."""
    model, images, own = build(**AUTHORS), torch.randn(1, 3, *size), (size[0] * 2 - 7, size[1] + 20)
    processor = EomtImageProcessorPil()
    edges = dict(shortest_edge=SIDE, longest_edge=None)
    count = math.ceil(max(size) / SIDE)
    overlap = (count * SIDE - max(size)) / (count - 1) if count > 1 else 0
    starts = [int(index * (SIDE - overlap)) for index in range(count)]
    assert starts == window_starts(max(size), SIDE, None)
    tall = size[0] > size[1]
    windows = [images[:, :, at : at + SIDE] if tall else images[..., at : at + SIDE] for at in starts]
    with torch.no_grad():
        (prediction,) = model.extract_feat(torch.cat(windows))
    outputs = SimpleNamespace(
        masks_queries_logits=prediction.masks,
        class_queries_logits=prediction.classes,
        patch_offsets=[(0, at, at + SIDE) for at in starts],
    )
    (theirs,) = processor.post_process_semantic_segmentation(outputs, [size], edges, return_segmentation_scores=True)
    check(*predicted(model, images, samples(1, size, size)), theirs.segmentation_scores[None])
    averaged = theirs.segmentation_scores[None]
    check(*predicted(model, images, samples(1, size, own)), resized(averaged, own))


def test_starts_are_the_authors():
    """But where their quotient, in floating point, ends before the side does."""
    for crop in (7, 32, 512, 640):
        for length in range(1, 5 * crop, 1 + crop // 60):
            count, side = math.ceil(length / crop), min(crop, length)
            starts = window_starts(length, crop, None)
            assert (len(starts), starts[0], starts[-1]) == (count, 0, length - side)
            overlap = (count * crop - length) / max(count - 1, 1)
            assert all(ours - int(index * (crop - overlap)) in (0, 1) for index, ours in enumerate(starts) if count > 1)


@pytest.mark.parametrize(
    'meta', [{}, dict(flip=True, flip_direction='horizontal'), dict(img_padding_size=[1, 3, 2, 0])], ids=str
)
@pytest.mark.parametrize('test_cfg', [dict(mode='whole'), SLIDE, AUTHORS], ids=['whole', 'slide', 'authors'])
@pytest.mark.parametrize('classes', [2, 5])
def test_strips_are_the_hosts_way(classes, test_cfg, meta):
    """``keep_logits``: the host's windows, paddings, flips and resizing, of scores at full size; sides in no patches."""
    model, size = build(classes=classes, **test_cfg), (39, 53)
    images, data_samples = torch.randn(2, 3, *size), samples(2, size, (60, 41), **meta)
    found = predicted(model, images, data_samples)
    model.test_cfg.update(keep_logits=True)
    _, expected = predicted(model, images, data_samples)
    check(*found, expected)
    assert found[0].dtype == torch.int64
    for kept in (False, True):  # the largest score's share of the sum
        model.test_cfg.update(keep_logits=kept, confidence=True)
        with torch.no_grad():
            results = model(images, copy.deepcopy(data_samples), mode='predict')
        shares = torch.stack([one.confidence.data[0] for one in results])
        assert_close(shares, (expected / expected.sum(1, keepdim=True)).amax(1))
        assert kept or torch.equal(torch.stack([one.pred_sem_seg.data[0] for one in results]), found[0])


def test_the_models_other_outputs():
    model, images = build(), torch.randn(2, 3, 39, 53)
    expected = dense_scores(model, images)
    with torch.no_grad():
        assert_close(model.encode_decode(images, [dict(img_shape=(39, 53))] * 2), expected)
        assert model(images, mode='tensor').shape == (2, CLASSES, 10, 14)
        results = model(images, mode='predict')  # without data samples
    assert_close(torch.stack([one.seg_logits.data for one in results]), expected)


def test_views_are_averaged_as_probabilities():
    model, images = build(), torch.randn(1, 3, SIDE, SIDE)
    own = (45, 51)
    tta = MODELS.build(dict(type='mmseg_vitseg.SegTTAModel', module=model))
    flipped = dict(flip=True, flip_direction='horizontal')
    data = dict(
        inputs=[images, images.flip(3)],
        data_samples=[
            [SegDataSample(metainfo=dict(img_path='1', img_shape=(SIDE, SIDE), ori_shape=own, **meta))]
            for meta in ({}, flipped)
        ],
    )
    with torch.no_grad():
        (merged,) = tta.test_step(data)
    views = [resized(dense_scores(model, images), own), resized(dense_scores(model, images.flip(3)).flip(3), own)]
    expected = (views[0] + views[1]) / 2
    sure = expected.topk(2, dim=1).values.diff(dim=1).abs()[:, 0] > 1e-5
    assert torch.equal(merged.pred_sem_seg.data[sure], expected.argmax(1)[sure])


def test_the_hosts_metric():
    model, images = build(), torch.randn(2, 3, SIDE, SIDE)
    data_samples = samples(2, (SIDE, SIDE), (45, 51))
    for sample in data_samples:
        sample.gt_sem_seg = PixelData(data=torch.randint(0, CLASSES, (1, 45, 51)))
    scores = []
    for kept in (False, True):
        model.test_cfg.update(keep_logits=kept)
        evaluator = Evaluator(dict(type='IoUMetric'))
        evaluator.dataset_meta = dict(classes=[f'{index}' for index in range(CLASSES)])
        with torch.no_grad():
            evaluator.process(model(images, copy.deepcopy(data_samples), mode='predict'))
        scores.append(evaluator.evaluate(2))
    assert scores[0] == pytest.approx(scores[1], abs=0.1)
