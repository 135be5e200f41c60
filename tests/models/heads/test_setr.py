"""SETR's heads against the host's classes of the same names, with the same weights."""

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.models import SETRMLAHead, SETRUPHead, convolutions
from vitseg_tests.against_host import compare_logits, compare_training, pair
from vitseg_tests.weights import randomise

BN, SYNC_BN, GN = dict(type='BN'), dict(type='SyncBN'), dict(type='GN', num_groups=2)
MULTIPLE = dict(input_transform='multiple_select')
UP = dict(in_channels=12, channels=8, num_classes=5)
MLA = dict(in_channels=[6] * 3, in_index=[0, 1, 2], channels=12, mla_channels=4, num_classes=5)

pytestmark = pytest.mark.filterwarnings('ignore:When align_corners=True:UserWarning')  # the host's advice about sizes


UP_FORMS = [
    dict(num_convs=1, kernel_size=1, norm_cfg=BN),
    dict(num_convs=2, kernel_size=1, norm_cfg=BN, up_scale=2),
    dict(num_convs=2, kernel_size=1, norm_cfg=None),
    dict(num_convs=2, kernel_size=1, norm_cfg=GN, act_cfg=None),
    dict(num_convs=1, kernel_size=3, norm_cfg=SYNC_BN),
    dict(num_convs=2, kernel_size=3, norm_cfg=BN),
    dict(num_convs=2, kernel_size=3, norm_cfg=GN, up_scale=3),
    dict(num_convs=4, kernel_size=3, norm_cfg=BN, up_scale=2),
    dict(num_convs=4, kernel_size=3, norm_cfg=None, up_scale=2, act_cfg=dict(type='LeakyReLU')),
    dict(num_convs=4, kernel_size=1, norm_cfg=BN, up_scale=2),
    dict(num_convs=2, kernel_size=3, norm_cfg=dict(type='BN', track_running_stats=False), up_scale=2),
]


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('form', UP_FORMS, ids=lambda form: '-'.join(map(str, form.values())))
def test_setr_up_equals_the_hosts(form, align_corners):
    host, ours = pair('SETRUPHead', **UP, **form, align_corners=align_corners)
    features = [torch.randn(2, 12, 4, 4), torch.randn(2, 12, 3, 5)]
    compare_logits(host, ours, features)
    compare_training(host, ours, features[1:])


@pytest.mark.parametrize(
    'arguments',
    [
        dict(dropout_ratio=0.5, num_convs=2, up_scale=2),
        dict(in_channels=(4, 8), in_index=(0, 1), input_transform='resize_concat', channels=6),
        dict(in_index=0, norm_layer=dict(type='LN', eps=0.1), dropout_ratio=0),
        dict(loss_decode=[dict(type='CrossEntropyLoss', loss_weight=0.4), dict(type='DiceLoss')]),
    ],
)
def test_arguments_of_the_hosts_base_class(arguments):
    host, ours = pair('SETRUPHead', **{**UP, 'norm_cfg': BN, **arguments})
    channels = arguments.get('in_channels', (12, 12))
    features = [torch.randn(2, channels[0], 4, 6), torch.randn(2, channels[1], 2, 3)]
    compare_logits(host, ours, features)
    if 'in_index' not in arguments:
        features = features[1:]
    if arguments.get('in_index') == 0:
        features = features[:1]
    compare_training(host, ours, features)


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('arguments', [dict(norm_cfg=BN), dict(norm_cfg=None, up_scale=2, dropout_ratio=0.5)])
def test_setr_mla_equals_the_hosts(arguments, align_corners):
    host, ours = pair('SETRMLAHead', **MLA, **arguments, align_corners=align_corners)
    features = [torch.randn(2, 6, 3, 5) for _ in range(3)]
    compare_logits(host, ours, features)
    compare_training(host, ours, features)


def test_sync_bn_in_evaluation():
    host, ours = pair('SETRMLAHead', **MLA, norm_cfg=SYNC_BN)
    compare_logits(host, ours, [torch.randn(1, 6, 4, 4) for _ in range(3)])


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_any_memory_layout(layout):
    host, ours = pair('SETRUPHead', **UP, norm_cfg=BN, num_convs=4, up_scale=2)
    compare_logits(host, ours, [torch.randn(2, 12, 3, 5).contiguous(memory_format=layout)])


@pytest.mark.parametrize(
    ('name', 'arguments', 'before_last'),
    [
        ('SETRUPHead', dict(UP, num_convs=1, kernel_size=1), (3, 5)),
        ('SETRUPHead', dict(UP, num_convs=3, up_scale=2), (12, 20)),
        ('SETRMLAHead', MLA, (3, 5)),
    ],
)
def test_the_reorderings_are_what_runs(name, arguments, before_last, monkeypatch):
    """Classification before the last upsampling; no batch norm by itself in evaluation; convolutions before upsamplings."""
    head = MODELS.build(dict(arguments, type=f'mmseg_vitseg.{name}', norm_cfg=BN)).eval()
    sizes, norms, reordered = [], [], []
    head.conv_seg.register_forward_hook(lambda module, inputs, output: sizes.append(tuple(output.shape[-2:])))
    for module in head.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda *_: norms.append(1))
    plain = convolutions.conv_of_upsampled
    monkeypatch.setattr(convolutions, 'conv_of_upsampled', lambda *args: reordered.append(1) or plain(*args))
    with torch.no_grad():
        head([torch.randn(1, 12 if name == 'SETRUPHead' else 6, 3, 5)] * 3)
    assert (sizes, norms) == ([before_last], [])
    assert len(reordered) == (arguments['num_convs'] - 1 if name == 'SETRUPHead' else 0)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_as_exact_as_the_hosts(dtype):
    """Mean error against float64 with the same rounded weights; the fold rounds once, the host's norm twice."""
    host, ours = pair('SETRUPHead', in_channels=32, channels=32, num_classes=8, norm_cfg=BN, num_convs=2, up_scale=2)
    host, ours = host.eval().to(dtype), ours.eval().to(dtype)
    features = [torch.randn(2, 32, 8, 8, dtype=dtype)]
    with torch.no_grad():
        results = [head(features).double() for head in (host, ours)]
        exact = host.double()([features[0].double()])
    theirs, mine = ((result - exact).abs().mean() for result in results)
    assert mine < 1.5 * theirs


def test_folding_follows_weights_and_modes():
    """Statistics that training changed, weights that were loaded, norms that a user froze: nothing is remembered."""
    host, ours = pair('SETRUPHead', **UP, norm_cfg=BN, num_convs=2, up_scale=2, dropout_ratio=0)
    features = [torch.randn(2, 12, 3, 5)]
    compare_logits(host, ours, features)
    compare_training(host, ours, features)
    compare_logits(host, ours, features)
    before = ours(features)
    randomise(host)
    ours.load_state_dict(host.state_dict())
    compare_logits(host, ours, features)
    assert not torch.allclose(ours(features), before)
    for head in (host, ours):
        head.train()
        for module in head.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    assert_close(ours(features), host(features))


def test_initial_weights_are_drawn_as_the_hosts():
    torch.manual_seed(1)
    host = MODELS.build(dict(type='mmseg.SETRUPHead', **UP, norm_cfg=BN))
    host.init_weights()
    torch.manual_seed(1)
    ours = MODELS.build(dict(type='mmseg_vitseg.SETRUPHead', **UP, norm_cfg=BN))
    ours.init_weights()
    assert_close(ours.state_dict(), host.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ('cls', 'arguments', 'words'),
    [
        (SETRUPHead, dict(UP, kernel_size=5), 'kernel_size=5; allowed: 1, 3'),
        (SETRUPHead, dict(UP, num_convs=0), 'num_convs=0; at least one'),
        (SETRUPHead, dict(UP, in_channels=[4], in_index=[0], **MULTIPLE), "allowed: None, 'resize_concat'"),
        (SETRUPHead, dict(UP, up_scale=0), 'up_scale=0; a number above 0'),
        (SETRMLAHead, dict(MLA, up_scale='x'), "up_scale='x'; a number above 0"),
        (SETRMLAHead, dict(MLA, in_index=[0]), 'each is a list, one entry a level'),
        (SETRMLAHead, dict(MLA, channels=10), '3 levels of mla_channels=4 make 12'),
    ],
)
def test_mistakes_are_explained(cls, arguments, words):
    with pytest.raises(ValueError) as info:
        cls(**arguments)
    assert words in str(info.value)
