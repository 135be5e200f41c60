"""The exported graph in torch itself: what goes in, what comes out, what is refused."""

import pytest
import torch
from torch.testing import assert_close

import mmseg_vitseg
from mmseg_vitseg.exporting.graph import Graph, describe_graph
from mmseg_vitseg.exporting.verify import drawn_pictures, predicted_by
from vitseg_tests.small_models import write_model


def agree(model, channels: int = 3) -> Graph:
    """Check that the graph returns the model's logits and labels."""
    images = drawn_pictures((2, channels, 40, 56))
    logits, labels = predicted_by(model, images)
    graph = Graph(model)
    assert_close(graph(images), logits, rtol=1e-5, atol=1e-5)
    assert torch.equal(Graph(model, labels=True)(images), labels)
    assert len(labels.unique()) > 1
    return graph


@pytest.mark.parametrize(
    'preprocessor', [dict(bgr_to_rgb=True), dict(bgr_to_rgb=False), dict(bgr_to_rgb=False, mean=None, std=None)]
)
def test_pictures_are_rgb_whatever_the_model_was_trained_on(preprocessor, tmp_path):
    changes = {f'model.data_preprocessor.{name}': value for name, value in preprocessor.items()}
    graph = agree(mmseg_vitseg.load_model(*write_model(tmp_path, changes=changes), 'cpu'))
    assert graph.swap != preprocessor['bgr_to_rgb']


def test_one_class_is_a_probability_against_its_threshold(tmp_path):
    changes = {
        'model.decode_head': dict(num_classes=2, out_channels=1, threshold=0.5),
        'model.decode_head.loss_decode': dict(type='CrossEntropyLoss', use_sigmoid=True),
    }
    model = mmseg_vitseg.load_model(*write_model(tmp_path, changes=changes), 'cpu')
    graph = agree(model)
    assert describe_graph(model, graph, None)['output'].startswith('probability: float32 (batch, 1, height, width)')


def test_other_channels(tmp_path):
    changes = {
        'model.backbone.in_channels': 5,
        'model.data_preprocessor': dict(mean=None, std=None, bgr_to_rgb=False),
    }
    model = mmseg_vitseg.load_model(*write_model(tmp_path, changes=changes), 'cpu')
    graph = agree(model, channels=5)
    assert '(batch, 5, 64, 64), 5 channels' in describe_graph(model, graph, (64, 64))['input']


def test_auxiliary_heads_stay_behind(tmp_path):
    head = dict(type='FCNHead', in_channels=16, in_index=0, channels=4, num_convs=1, num_classes=4)
    model = mmseg_vitseg.load_model(*write_model(tmp_path, changes={'model.auxiliary_head': head}), 'cpu')
    names = {name.split('.')[0] for name in agree(model).state_dict()}
    assert names == {'backbone', 'head', 'mean', 'std'}


def test_what_the_pipeline_does_before(tmp_path):
    model = mmseg_vitseg.load_model(*write_model(tmp_path), 'cpu')
    assert describe_graph(model, Graph(model), None)['prepare'].startswith('nothing')
    step = dict(type='Resize', scale=(128, 96), keep_ratio=True)
    model.cfg.test_dataloader.dataset.pipeline.insert(1, step)
    assert describe_graph(model, Graph(model), None)['prepare'] == 'Resize(scale=(128, 96), keep_ratio=True)'


def test_padding_and_other_segmentors_are_refused(tmp_path):
    config, checkpoint = write_model(tmp_path)
    model = mmseg_vitseg.load_model(config, checkpoint, 'cpu')
    with pytest.raises(ValueError, match='VisionTransformer: cannot be exported; allowed: EncoderDecoder'):
        Graph(model.backbone)
    model.cfg.model.data_preprocessor.test_cfg = dict(size_divisor=32)
    with pytest.raises(ValueError, match=r'pads pictures.*--cfg-options model\.data_preprocessor\.test_cfg=None'):
        Graph(model)
