"""``load_model`` and ``predict``: the host's own inference on the same model and picture gives the same labels."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.apis import inference_model
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn
from torch.testing import assert_close

import mmseg_vitseg
from mmseg_vitseg.config.datasets import classes_of
from mmseg_vitseg.inference.maps import maps_with_confidence
from mmseg_vitseg.inference.model import channels_of
from mmseg_vitseg.models.confidence import asking_for_confidence, gives_confidence

PICTURES = [np.random.default_rng(i).integers(0, 256, (20 + 9 * i, 30, 3), np.uint8) for i in range(3)]


def test_labels_are_the_hosts(config, checkpoint):
    model = mmseg_vitseg.load_model(config, checkpoint, device='cpu')
    labels = mmseg_vitseg.predict(model, PICTURES)
    for picture, one in zip(PICTURES, labels, strict=True):
        expected = inference_model(model, np.ascontiguousarray(picture[..., ::-1])).pred_sem_seg.data[0].numpy()
        assert (one.shape, one.dtype) == (picture.shape[:2], np.int64)
        assert np.array_equal(one, expected)
    assert len(np.unique(labels[0])) > 1


def test_files_pictures_arrays_and_batches(config, checkpoint, tmp_path):
    model = mmseg_vitseg.load_model(str(config), str(checkpoint))
    Image.fromarray(PICTURES[0]).save(tmp_path / 'x.png')
    alone = mmseg_vitseg.predict(model, PICTURES[0])
    forms = [tmp_path / 'x.png', str(tmp_path / 'x.png'), Image.fromarray(PICTURES[0]), PICTURES[0]]
    for labels in mmseg_vitseg.predict(model, [*forms, PICTURES[1]], batch_size=3)[:4]:
        assert np.array_equal(labels, alone)


@pytest.mark.parametrize(
    'options',
    [
        {},
        {'model.test_cfg.keep_logits': True},
        {'model.type': 'EncoderDecoder'},  # the host's
        {'model.test_cfg': dict(mode='slide', crop_size=(16, 24), stride=(8, 16))},
    ],
    ids=str,
)
def test_confidence_is_the_probability_of_the_labels(config, checkpoint, options):
    model = mmseg_vitseg.load_model(config, checkpoint, 'cpu', options)
    plain = mmseg_vitseg.predict(model, PICTURES)
    pairs = mmseg_vitseg.predict(model, PICTURES, confidence=True)
    assert [len(pair) for pair in pairs] == [2, 2, 2]
    for picture, labels, (same, confidence) in zip(PICTURES, plain, pairs, strict=True):
        assert np.array_equal(labels, same)
        assert (confidence.shape, confidence.dtype) == (labels.shape, np.float32)
        logits = inference_model(model, np.ascontiguousarray(picture[..., ::-1])).seg_logits.data
        assert_close(torch.from_numpy(confidence), logits.softmax(0).amax(0))
    assert np.array_equal(mmseg_vitseg.predict(model, PICTURES[0], confidence=True)[1], pairs[0][1])
    assert 'confidence' not in model.test_cfg


@pytest.mark.parametrize('head', ['MaskFormerHead', 'Mask2FormerHead', 'FCNHead'])
def test_confidence_of_the_hosts_mask_heads(head):
    """Their scores are sums of probabilities, which an EoMT's are too; mmdet, which they need, is not there."""
    scores = 3 * torch.rand(4, 5, 6)
    sample = SegDataSample(seg_logits=PixelData(data=scores), pred_sem_seg=PixelData(data=scores.argmax(0)[None]))
    model = nn.Module()
    model.decode_head = nn.ModuleList([nn.Module(), type(head, (nn.Module,), {})()])  # of a cascade the last one
    model.test_step = lambda data: [sample]
    ((_, confidence),) = maps_with_confidence(model, [])
    probabilities = scores.softmax(0) if head == 'FCNHead' else scores / scores.sum(0)
    assert_close(torch.from_numpy(confidence), probabilities.amax(0))


def test_confidence_is_asked_for_by_one_thread_alone(config):
    model = mmseg_vitseg.load_model(config, device='cpu')
    with ThreadPoolExecutor(1) as another, asking_for_confidence():
        assert gives_confidence(model)
        assert not another.submit(gives_confidence, model).result()
    assert not gives_confidence(model)


def test_the_callers_config_stays_as_it_is(config, checkpoint):
    cfg = Config.fromfile(config)
    load_model = mmseg_vitseg.load_model(cfg, checkpoint, 'cpu', {'model.decode_head.dropout_ratio': 0.5})
    assert load_model.decode_head.dropout_ratio == 0.5
    assert cfg.to_dict() == Config.fromfile(config).to_dict()


def test_data_sets_in_wrappers(config, checkpoint):
    cfg = Config.fromfile(config)
    cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[cfg.test_dataloader.dataset])
    model = mmseg_vitseg.load_model(cfg, checkpoint, 'cpu')
    assert model.dataset_meta['classes'] == ['pet', 'background', 'border']
    assert mmseg_vitseg.predict(model, PICTURES[0]).shape == PICTURES[0].shape[:2]


def test_without_a_checkpoint_weights_are_drawn(config):
    torch.manual_seed(0)
    model = mmseg_vitseg.load_model(config, device='cpu')
    assert not model.training
    assert mmseg_vitseg.predict(model, PICTURES[0]).shape == PICTURES[0].shape[:2]


def test_changes_to_the_config(config, checkpoint):
    options = {'test_dataloader.dataset.metainfo': dict(classes=('a', 'b', 'c'), palette=[[1, 2, 3]] * 3)}
    model = mmseg_vitseg.load_model(config, checkpoint, options=options)
    names, palette = classes_of(model.cfg)
    assert (names, palette.tolist()) == (['a', 'b', 'c'], [[1, 2, 3]] * 3)


def test_a_checkpoint_of_another_model(config, checkpoint, tmp_path):
    state = torch.load(checkpoint)['state_dict']
    del state['decode_head.conv_seg.bias']
    torch.save(state, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'1 missing \(decode_head\.conv_seg\.bias\)'):
        mmseg_vitseg.load_model(config, tmp_path / 'other.pth')


def test_arrays_of_another_kind(config, checkpoint):
    model = mmseg_vitseg.load_model(config, checkpoint)
    for array in (PICTURES[0][..., 0], PICTURES[0] / 255):
        with pytest.raises(ValueError, match=r'allowed: \(H, W, 3\), uint8, RGB'):
            mmseg_vitseg.predict(model, array)


@pytest.mark.parametrize(
    ('backbone', 'channels'),
    [
        (dict(type='mmseg.MobileNetV2'), 3),  # whose attribute in_channels is that of its last stage
        (dict(type='mmseg.ResNetV1c', depth=18, in_channels=4, norm_cfg=dict(type='BN')), 4),
        (dict(type='mmseg.FastSCNN', in_channels=1), 1),
        (dict(type='mmseg_vitseg.MixVisionTransformer', variant='b0'), 3),
        (dict(type='mmseg_vitseg.VisionTransformer', img_size=16, in_channels=2), 2),
    ],
)
def test_channels_of_any_backbone(backbone, channels):
    model = nn.Module()
    model.cfg, model.backbone = Config(dict(model=dict(backbone=backbone))), MODELS.build(backbone)
    assert channels_of(model) == channels


def test_a_pipeline_of_several_inputs(config):
    steps = [
        dict(type='LoadImageFromFile'),
        dict(type='TestTimeAug', transforms=[[dict(type='RandomFlip', prob=0.0)], [dict(type='PackSegInputs')]]),
    ]
    model = mmseg_vitseg.load_model(config, device='cpu', options={'test_dataloader.dataset.pipeline': steps})
    with pytest.raises(ValueError, match=r'no one input of a picture.*TestTimeAug belongs to tta_pipeline'):
        mmseg_vitseg.predict(model, PICTURES[0])


def test_importing_the_package_imports_no_torch():
    import subprocess
    import sys

    code = 'import sys, mmseg_vitseg; assert "torch" not in sys.modules; mmseg_vitseg.nothing'
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert "module 'mmseg_vitseg' has no attribute 'nothing'" in result.stderr
