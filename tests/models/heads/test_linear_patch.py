import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.models.decode_heads import FCNHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.models import LinearPatchHead
from vitseg_tests.against_host import SIZES


def make(**kwargs) -> LinearPatchHead:
    head = LinearPatchHead(**{**dict(in_channels=16, num_classes=3, patch_size=4), **kwargs})
    head.init_weights()
    return head.eval()


def samples(height: int, width: int, count: int = 2) -> list[SegDataSample]:
    labels = torch.randint(0, 3, (count, 1, height, width))
    return [SegDataSample(gt_sem_seg=PixelData(data=label)) for label in labels]


def test_a_patchs_logits_come_from_its_token_alone():
    head = make()
    features = torch.randn(1, 16, 3, 5)
    logits = head((features,))
    assert logits.shape == (1, 3, 12, 20)
    token = features[0, :, 1, 2]
    patch = head.projection(token).reshape(3, 4, 4)
    assert_close(logits[0, :, 4:8, 8:12], patch)


def test_no_convolution_and_nothing_of_the_hosts_classifier():
    head = make(depth=2)
    assert not any(isinstance(module, nn.modules.conv._ConvNd) for module in head.modules())
    assert {name.split('.')[0] for name in head.state_dict()} == {'projection'}


@pytest.mark.parametrize(('depth', 'linears'), [(1, [(16, 48)]), (3, [(16, 20), (20, 20), (20, 48)])])
def test_depth_makes_it_an_mlp(depth, linears):
    head = make(depth=depth, hidden_channels=20)
    found = [(layer.in_features, layer.out_features) for layer in head.projection if isinstance(layer, nn.Linear)]
    assert found == linears


def test_losses_are_the_hosts_on_the_cut_logits():
    """Images of 10 x 18 were padded to 12 x 20; what the head predicts there must not count."""
    head, features, data = make(), torch.randn(2, 16, 3, 5), samples(10, 18)
    host = FCNHead(in_channels=16, channels=16, num_classes=3, num_convs=0, concat_input=False)
    losses = head.loss((features,), data, {})
    expected = host.loss_by_feat(head((features,))[..., :10, :18], data)
    assert losses.keys() == expected.keys()
    for name in losses:
        assert_close(losses[name], expected[name])


@pytest.mark.parametrize(
    ('meta', 'size'),
    [
        (dict(img_shape=(10, 18)), (10, 18)),
        (dict(img_shape=(8, 15), pad_shape=(10, 18)), (10, 18)),
        (dict(img_shape=torch.Size((9, 17)), pad_shape=(40, 40)), (9, 17)),  # a sliding window
    ],
)
def test_prediction_has_the_inputs_size(meta, size):
    head, features = make(), torch.randn(1, 16, 3, 5)
    logits = head.predict((features,), [meta], {})
    assert logits.shape[-2:] == size
    assert torch.equal(logits, head((features,))[..., : size[0], : size[1]])


@pytest.mark.parametrize('size', [(24, 40), (13, 20), (12, 16), (6, 10)])
def test_a_patch_size_that_is_not_the_backbones_is_refused(size):
    """A grid of 3 x 5 patches of 4 pixels covers images of 9..12 x 17..20 pixels and no others."""
    head, features = make(), (torch.randn(1, 16, 3, 5),)
    with pytest.raises(ValueError, match='3 x 5 grid of patches of 4 pixels does not cover'):
        head.predict(features, [dict(img_shape=size)], {})
    with pytest.raises(ValueError, match='does not cover'):
        head.loss(features, samples(*size, count=1), {})


@pytest.mark.parametrize('mode', ['whole', 'slide'])
def test_in_the_hosts_segmentor_at_odd_sizes(mode):
    model = MODELS.build(
        dict(
            type='mmseg.EncoderDecoder',
            backbone=dict(SIZES, type='mmseg_vitseg.VisionTransformer', patch_size=4, embed_dims=16),
            decode_head=dict(type='mmseg_vitseg.LinearPatchHead', in_channels=16, num_classes=3, patch_size=4),
            test_cfg=ConfigDict(mode=mode, crop_size=(14, 14), stride=(9, 9)),
        )
    ).eval()
    images, data = torch.randn(2, 3, 21, 30), samples(21, 30)
    losses = model(images, data, mode='loss')
    assert torch.isfinite(losses['decode.loss_ce'])
    for sample in model(images, mode='predict'):
        assert sample.pred_sem_seg.data.shape == (1, 21, 30)


def test_dropout_only_in_training():
    head, features = make(dropout_ratio=0.5), (torch.randn(1, 16, 3, 5),)
    assert torch.equal(head(features), head(features))
    head.train()
    assert not torch.equal(head(features), head(features))


@pytest.mark.parametrize(
    'arguments', [dict(depth=0), dict(input_transform='multiple_select', in_channels=[16], in_index=[0])]
)
def test_mistakes_are_explained(arguments):
    with pytest.raises(ValueError, match='LinearPatchHead'):
        make(**arguments)
