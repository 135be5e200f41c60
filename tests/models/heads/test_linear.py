"""The linear probe against torch's modules one after the other, and in the host's own way of losses."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.models import LinearHead
from vitseg_tests.against_host import compare_logits, compare_training
from vitseg_tests.weights import randomise

pytestmark = pytest.mark.filterwarnings('ignore:When align_corners=True:UserWarning')  # the host's advice about sizes

ONE = dict(in_channels=12, in_index=1)
MANY = dict(in_channels=[6, 12, 4], in_index=[0, 1, -1])


class Plain(BaseDecodeHead):
    """DINOv2's head: a norm of the host's concatenation, and the host's classifier."""

    def __init__(self, in_channels, norm: type = nn.BatchNorm2d, **arguments):
        width = sum(in_channels)
        super().__init__(in_channels, width, input_transform='resize_concat', num_classes=5, **arguments)
        self.bn = norm(width)

    def forward(self, inputs):
        return self.cls_seg(self.bn(self._transform_inputs(inputs)))


def pair(levels: dict, **arguments) -> tuple[nn.Module, LinearHead]:
    lists = {name: value if isinstance(value, list) else [value] for name, value in levels.items()}
    norm = nn.SyncBatchNorm if arguments.get('norm_cfg') == dict(type='SyncBN') else nn.BatchNorm2d
    host = randomise(Plain(**lists, norm=norm, **{k: v for k, v in arguments.items() if k != 'norm_cfg'}))
    ours = LinearHead(**levels, num_classes=5, **arguments)
    ours.load_state_dict(host.state_dict())
    return host, ours


@pytest.mark.parametrize('sizes', [[(4, 6)] * 3, [(8, 6), (4, 3), (5, 7)]], ids=['one size', 'sizes'])
@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('dropout_ratio', [0.0, 0.3])
@pytest.mark.parametrize('norm', ['BN', 'SyncBN'])
@pytest.mark.parametrize('levels', [ONE, MANY], ids=['one level', 'levels'])
def test_equals_dinov2s_head(levels, norm, dropout_ratio, align_corners, sizes):
    options = dict(norm_cfg=dict(type=norm), dropout_ratio=dropout_ratio, align_corners=align_corners)
    host, ours = pair(levels, **options)
    widths = (6, 12, 4)
    features = [torch.randn(2, width, *size) for width, size in zip(widths, sizes, strict=True)]
    compare_logits(host, ours, features)
    if levels is ONE:  # the others get no gradient
        features, host.in_index = features[1:2], [0]
        ours.in_index = [0]
    compare_training(host, ours, features)


def test_equals_torchs_modules():
    """Which nobody of the host's or ours has written."""
    head = randomise(LinearHead(**ONE, num_classes=5, dropout_ratio=0.0))
    plain = nn.Sequential(nn.BatchNorm2d(12), nn.Conv2d(12, 5, 1))
    plain[0].load_state_dict(head.bn.state_dict())
    plain[1].load_state_dict(head.conv_seg.state_dict())
    x = torch.randn(2, 12, 4, 6).to(memory_format=torch.channels_last)
    for training in (True, False, True):  # in training also the statistics, for the next time
        assert_close(head.train(training)((x[:, :1], x)), plain.train(training)(x))
    size = (30, 40)
    logits = head.eval().predict((x[:, :1], x), [dict(img_shape=size)] * 2, {})
    assert_close(logits, F.interpolate(plain.eval()(x), size=size, mode='bilinear', align_corners=False))


def test_its_names_are_the_published_heads():
    names = {f'bn.{name}' for name in ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')}
    assert set(LinearHead(**MANY, num_classes=5).state_dict()) == names | {'conv_seg.weight', 'conv_seg.bias'}


def test_drawn_as_published():
    head = LinearHead(in_channels=512, num_classes=150)
    head.init_weights()
    assert abs(head.conv_seg.weight.std().item() - 0.01) < 2e-4
    assert not head.conv_seg.bias.any()
    assert torch.equal(head.bn.weight, torch.ones(512))


def test_in_evaluation_no_norm_runs_and_nothing_is_concatenated(monkeypatch):
    head = LinearHead(**MANY, num_classes=5).eval()
    head.bn.register_forward_hook(lambda *_: pytest.fail('the norm ran'))
    monkeypatch.setattr(torch, 'cat', lambda *_: pytest.fail('levels were concatenated'))
    assert head([torch.randn(1, width, 4, 6) for width in (6, 12, 4)]).shape == (1, 5, 4, 6)


def test_a_norm_in_evaluation_mode_in_training_stays_before_the_dropout():
    head = randomise(LinearHead(in_channels=12, num_classes=5, dropout_ratio=0.5)).train()
    head.bn.eval()
    x = torch.randn(2, 12, 4, 6)
    torch.manual_seed(0)
    logits = head((x,))
    torch.manual_seed(0)
    assert_close(logits, head.conv_seg(F.dropout2d(head.bn(x), 0.5)))


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(in_channels=[8, 8], in_index=1), 'in_channels=[8, 8] and in_index=1; each is a list, one entry a level'),
        (dict(in_channels=8, in_index=[0]), 'each is a list, one entry a level'),
        (dict(channels=16), 'LinearHead: channels=16; in_channels=8 make 8; leave it out'),
        (dict(norm_cfg=dict(type='GN', num_groups=2)), 'allowed: a batch norm, BN or SyncBN'),
        (dict(input_transform='multiple_select'), "allowed: None, 'resize_concat'"),
    ],
)
def test_mistakes_are_explained(arguments, words):
    with pytest.raises(ValueError) as info:
        LinearHead(**{**dict(in_channels=8, num_classes=5), **arguments})
    assert words in str(info.value)


def test_a_level_of_another_width():
    with pytest.raises(ValueError, match='but the feature maps have 12 channels'):
        LinearHead(in_channels=8, num_classes=5)((torch.randn(1, 12, 4, 6),))
