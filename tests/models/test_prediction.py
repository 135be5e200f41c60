"""Predictions against the host's segmentor: whole images and windows, paddings, flips, sizes, TTA, the host's metric."""

import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.ops import resampling
from vitseg_tests.against_host import HOST_VIT
from vitseg_tests.weights import randomise

BN = dict(type='BN')
HEADS = {
    'FCNHead': dict(type='FCNHead', in_channels=8, channels=8, in_index=3),
    'SETRUPHead': dict(type='SETRUPHead', in_channels=8, channels=8, in_index=3, num_convs=2, up_scale=2),
    'SETRMLAHead': dict(type='SETRMLAHead', in_channels=[8] * 4, in_index=[0, 1, 2, 3], channels=16, mla_channels=4),
    'SegformerHead': dict(type='SegformerHead', in_channels=[8] * 4, in_index=[0, 1, 2, 3], channels=8),
}
SLIDE = dict(mode='slide', crop_size=(32, 24), stride=(20, 16))


def pair(head: str, *, num_classes: int = 5, align_corners: bool = False, **test_cfg) -> tuple[nn.Module, nn.Module]:
    """Build the host's model, and ours with our head where there is one, with the same weights."""
    models = []
    for scope in ('mmseg', 'mmseg_vitseg'):
        ours = scope == 'mmseg_vitseg' and HEADS[head]['type'] != 'FCNHead'
        cfg = dict(
            type=f'{scope}.EncoderDecoder',
            backbone=HOST_VIT,
            decode_head=dict(
                HEADS[head],
                type=f'{"mmseg_vitseg" if ours else "mmseg"}.{HEADS[head]["type"]}',
                num_classes=num_classes,
                norm_cfg=BN,
                align_corners=align_corners,
                **(dict(out_channels=1, threshold=0.5) if num_classes == 2 else {}),
            ),
            test_cfg=test_cfg or dict(mode='whole'),
        )
        models.append(MODELS.build(ConfigDict(cfg)).eval())
    host, ours = models
    randomise(host)
    ours.load_state_dict(host.state_dict())
    return host, ours


def samples(batch: int, size: tuple[int, int], **meta) -> list[SegDataSample]:
    height, width = size
    metas = [dict(img_shape=size, ori_shape=(height + 5 * i, 2 * width - i), **meta) for i in range(batch)]
    return [SegDataSample(metainfo=meta) for meta in metas]


def compare(host: nn.Module, ours: nn.Module, images: torch.Tensor, data_samples: list | None) -> None:
    with torch.no_grad():
        expected = host(images, copy.deepcopy(data_samples), mode='predict')
        results = ours(images, copy.deepcopy(data_samples), mode='predict')
    assert len(results) == len(expected) == len(images)
    for mine, theirs in zip(results, expected, strict=True):
        logits, labels = theirs.seg_logits.data, theirs.pred_sem_seg.data
        assert_close(mine.seg_logits.data, logits)
        assert mine.seg_logits.shape == logits.shape[-2:]
        assert (mine.pred_sem_seg.data.shape, mine.pred_sem_seg.data.dtype) == (labels.shape, labels.dtype)
        if len(logits) > 1:  # equal but where the two best are closer than rounding
            best, second = logits.topk(2, dim=0).values
            sure = (best - second > 1e-5)[None]
        else:
            sure = (logits - 0.5).abs() > 1e-6
        assert sure.float().mean() > 0.99
        assert torch.equal(mine.pred_sem_seg.data[sure], labels[sure])


def compare_confidence(host: nn.Module, ours: nn.Module, images: torch.Tensor, data_samples: list | None) -> None:
    """With it the labels are the same to the bit; it is the probability of these by the host's full-size logits."""
    with torch.no_grad():
        expected = host(images, copy.deepcopy(data_samples), mode='predict')
        plain = ours(images, copy.deepcopy(data_samples), mode='predict')
        ours.test_cfg.confidence = True
        results = ours(images, copy.deepcopy(data_samples), mode='predict')
    for mine, without, theirs in zip(results, plain, expected, strict=True):
        assert torch.equal(mine.pred_sem_seg.data, without.pred_sem_seg.data)
        assert 'confidence' not in without
        scores = theirs.seg_logits.data
        if len(scores) == 1:
            probabilities = torch.cat([1 - scores, scores]).gather(0, mine.pred_sem_seg.data.long())
        else:
            probabilities = scores.softmax(0).amax(0, keepdim=True)
        assert_close(mine.confidence.data, probabilities)


@pytest.mark.filterwarnings('ignore:When align_corners=True:UserWarning')  # the host's advice about sizes
@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('test_cfg', [dict(mode='whole'), SLIDE], ids=['whole', 'slide'])
@pytest.mark.parametrize('head', HEADS)
def test_equals_the_hosts(head, test_cfg, align_corners):
    host, ours = pair(head, align_corners=align_corners, **test_cfg)
    size = (48, 40)
    images = torch.randn(2, 3, *size)
    compare(host, ours, images, samples(2, size))
    compare(host, ours, images, None)
    compare_confidence(host, ours, images, samples(2, size))


@pytest.mark.parametrize('test_cfg', [dict(mode='whole'), SLIDE], ids=['whole', 'slide'])
@pytest.mark.parametrize(
    'meta',
    [
        dict(flip=True, flip_direction='horizontal'),
        dict(flip=True, flip_direction='vertical', padding_size=[0, 3, 0, 5]),
        dict(img_padding_size=[1, 3, 2, 0]),
        dict(pad_shape=(56, 48), img_padding_size=[0, 8, 0, 8]),
    ],
    ids=str,
)
def test_paddings_and_flips_are_undone(meta, test_cfg):
    host, ours = pair('SETRUPHead', **test_cfg)
    images = torch.randn(2, 3, *meta.get('pad_shape', (48, 40)))
    compare(host, ours, images, samples(2, (48, 40), **meta))
    compare_confidence(host, ours, images, samples(2, (48, 40), **meta))


@pytest.mark.parametrize('window_batch', [1, 3, 100])
@pytest.mark.parametrize('size', [(24, 16), (32, 24), (33, 70), (90, 25), (20, 100)])
def test_windows_of_any_image(size, window_batch):
    """Smaller than a window, as large, a pixel larger; batches of windows that do not divide their number."""
    host, ours = pair('SegformerHead', **SLIDE, window_batch=window_batch)
    encoded, encode = [], ours._logits
    ours._logits = lambda windows: encoded.append(len(windows)) or encode(windows)
    compare(host, ours, torch.randn(2, 3, *size), samples(2, size))
    assert encoded[:-1] == [window_batch] * (len(encoded) - 1)
    assert encoded[-1] <= window_batch


@pytest.mark.parametrize('test_cfg', [dict(mode='whole'), SLIDE], ids=['whole', 'slide'])
def test_one_output_channel_and_a_threshold(test_cfg):
    host, ours = pair('FCNHead', num_classes=2, **test_cfg)
    images = torch.randn(2, 3, 40, 48)
    compare(host, ours, images, samples(2, (40, 48)))
    for model in (host, ours):
        model.decode_head.threshold = 0.3
    compare_confidence(host, ours, images, samples(2, (40, 48)))


@pytest.mark.parametrize('confidence', [False, True])
def test_no_logits_at_full_size_unless_read(monkeypatch, confidence):
    """Nothing as large as K x H x W is made; what is kept of the logits is the small map."""
    _, ours = pair('SegformerHead', num_classes=150, mode='whole', confidence=confidence)
    size = (256, 200)
    largest = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                largest.append(result.numel() * result.element_size())
            return result

    monkeypatch.setitem(resampling.STRIP_BYTES, 'cpu', 2**18)
    images, data_samples = torch.randn(1, 3, *size), [SegDataSample(metainfo=dict(img_shape=size, ori_shape=size))]
    with Watch(), torch.no_grad():
        (result,) = ours(images, data_samples, mode='predict')
    full = 150 * size[0] * size[1] * 4
    assert max(largest) < full / 10
    assert result.seg_logits.data.shape == (150, *size)


def test_the_hosts_form_on_request():
    host, ours = pair('SETRUPHead', mode='whole', keep_logits=True)
    images, data_samples = torch.randn(2, 3, 40, 48), samples(2, (40, 48))
    compare(host, ours, images, data_samples)
    compare_confidence(host, ours, images, data_samples)
    (result, _) = ours(images, data_samples, mode='predict')
    assert type(result.seg_logits) is PixelData


@pytest.mark.parametrize('head', ['FCNHead', 'SETRUPHead'])
def test_a_head_that_predicts_in_its_own_way(head):
    """It gets the host's path, whether derived from one of the host's heads or from one of ours."""
    host, ours = pair(head)
    for model in (host, ours):
        head = model.decode_head
        cls = type(
            'Doubled', (type(head),), dict(predict=lambda self, *args: 2 * super(type(self), self).predict(*args))
        )
        head.__class__ = cls
    compare(host, ours, torch.randn(1, 3, 40, 48), samples(1, (40, 48)))
    compare_confidence(host, ours, torch.randn(1, 3, 40, 48), samples(1, (40, 48)))


@pytest.mark.parametrize('method', ['forward', 'loss_by_feat'])
def test_a_derived_heads_own_loss(method):
    _, ours = pair('SegformerHead')
    called = []
    head = ours.decode_head
    own = {method: lambda self, *args: called.append(1) or getattr(super(type(self), self), method)(*args)}
    head.__class__ = type('Derived', (type(head),), own)
    truth = [SegDataSample(gt_sem_seg=PixelData(data=torch.zeros(1, 32, 32, dtype=torch.int64)))] * 2
    ours(torch.randn(2, 3, 32, 32), truth, mode='loss')
    assert called


def test_windows_of_a_head_that_works_at_full_size():
    """Their logits are more than the picture's: the host's sum in one buffer is less."""
    host, ours = pair('SETRUPHead', **SLIDE)
    for model in (host, ours):
        model.backbone.patch_embed.projection.stride = (1, 1)
        model.backbone.patch_embed.projection.kernel_size = (8, 8)
    calls = []
    single = ours.encode_decode
    ours.encode_decode = lambda *args: calls.append(1) or single(*args)
    compare(host, ours, torch.randn(1, 3, 36, 30), samples(1, (36, 30)))
    assert calls


def test_an_unknown_mode():
    _, ours = pair('FCNHead', mode='wohle')
    with pytest.raises(ValueError, match="mode='wohle'; allowed: 'whole', 'slide'"):
        ours(torch.randn(1, 3, 32, 32), mode='predict')


@pytest.mark.filterwarnings('ignore:The shape of value will convert')  # the host's own
def test_the_hosts_metric_and_test_time_augmentation():
    host, ours = pair('SETRUPHead')
    images = [torch.randint(0, 256, (3, 40, 48), dtype=torch.uint8) for _ in range(2)]
    truth = torch.randint(0, 5, (1, 40, 48))
    scores = []
    for model in (host, ours):
        tta = MODELS.build(dict(type='SegTTAModel', module=model))
        evaluator = Evaluator(dict(type='IoUMetric', iou_metrics=['mIoU'], collect_device='cpu'))
        evaluator.dataset_meta = dict(classes=tuple('abcde'))
        views = []
        for index, image in enumerate(images):
            meta = dict(
                img_shape=(40, 48), ori_shape=(40, 48), img_path='x', flip=bool(index), flip_direction='horizontal'
            )
            sample = SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=truth))
            views.append(dict(inputs=image.float()[None], data_samples=[sample]))
        with torch.no_grad():
            merged = tta.test_step(
                dict(inputs=[v['inputs'] for v in views], data_samples=[v['data_samples'] for v in views])
            )
            evaluator.process(data_samples=merged)
            evaluator.process(data_samples=model(**views[0], mode='predict'))
        scores.append((merged[0].pred_sem_seg.data, evaluator.evaluate(2)))
    (theirs, expected), (mine, score) = scores
    assert (mine == theirs).float().mean() > 0.999
    assert score == pytest.approx(expected, abs=0.2)


def test_deferred_logits_move_and_copy():
    _, ours = pair('SETRUPHead')
    (result,) = ours(torch.randn(1, 3, 40, 48), mode='predict')
    logits = result.seg_logits
    for other in (result.to('cpu'), result.cpu(), result.detach(), copy.deepcopy(result)):
        assert_close(other.seg_logits.data, logits.data)
    assert result.numpy().seg_logits.data.shape == (5, 40, 48)
    assert 'seg_logits' in repr(result)
    logits = result.seg_logits
    assert ('data' in logits, logits.keys(), logits.clone().shape) == (True, ['data'], (40, 48))
    assert logits[0:10, 0:7].data.shape == (5, 10, 7)
    assert logits.new(data=torch.zeros(5, 4, 4)).shape == (4, 4)
    assert logits.to(torch.float16).data.dtype == torch.float16


def test_metrics_that_read_logits(tmp_path):
    """The host's evaluator makes dicts of results; what it dumps holds the logits, as the host's own."""
    import mmengine

    host, ours = pair('SETRUPHead')
    images, dumps = torch.randn(2, 3, 40, 48), []
    for model in (host, ours):
        evaluator = Evaluator([dict(type='DumpResults', out_file_path=str(tmp_path / 'x.pkl'), collect_device='cpu')])
        with torch.no_grad():
            evaluator.process(data_samples=model(images, samples(2, (40, 48)), mode='predict'))
        evaluator.evaluate(2)
        dumps.append(mmengine.load(tmp_path / 'x.pkl'))
    theirs, mine = dumps
    assert [set(one) for one in mine] == [set(one) for one in theirs]
    for one, other in zip(mine, theirs, strict=True):
        assert_close(one['seg_logits']['data'], other['seg_logits']['data'])
    deferred = ours(images, mode='predict')[0].to_dict()['seg_logits']
    assert 'data' in deferred
    assert deferred['data'].shape == (5, 40, 48)
