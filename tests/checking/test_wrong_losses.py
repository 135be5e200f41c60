"""Losses: what a check says nothing of takes a step of training, and what it says to write instead does so too."""

import copy

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_vitseg.checking.checks import check_config
from vitseg_tests.paths import config_path

QUICKSTART = Config.fromfile(config_path('quickstart'))
QUICKSTART.model.backbone.update(embed_dims=16, num_layers=1, num_heads=2)
QUICKSTART.model.decode_head.in_channels = 16
OHEM = dict(type='OHEMPixelSampler', thresh=0.7, min_kept=50)
WEIGHTS = [1.0, 2.0, 3.0, 4.0]

LOSSES = {
    'ce': dict(type='CrossEntropyLoss', avg_non_ignore=True),
    'ce, weighted': dict(type='CrossEntropyLoss', class_weight=WEIGHTS),
    'ce, weighted and averaged': dict(type='CrossEntropyLoss', class_weight=WEIGHTS, avg_non_ignore=True),
    'sigmoid': dict(type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True),
    'sigmoid, weighted': dict(type='CrossEntropyLoss', use_sigmoid=True, class_weight=WEIGHTS, avg_non_ignore=True),
    'mask': dict(type='CrossEntropyLoss', use_mask=True),
    'dice': dict(type='DiceLoss'),
    'dice, softmax': dict(type='DiceLoss', use_sigmoid=False),
    'tversky': dict(type='TverskyLoss'),
    'tversky of no label': dict(type='TverskyLoss', ignore_index=None),
    'lovasz': dict(type='LovaszLoss'),
    'lovasz, reduced': dict(type='LovaszLoss', reduction='none'),
    'lovasz, binary': dict(type='LovaszLoss', loss_type='binary', per_image=True),
    'focal': dict(type='FocalLoss'),
    'focal, weighted': dict(type='FocalLoss', class_weight=WEIGHTS, gamma=2),
    'boundary': dict(type='BoundaryLoss'),
    'hausdorff': dict(type='HuasdorffDisstanceLoss'),
    'hausdorff, weighted': dict(type='HuasdorffDisstanceLoss', class_weight=WEIGHTS),
    'ohem': dict(type='OhemCrossEntropy'),
    'silog': dict(type='SiLogLoss'),
}
SILENT = [('dice', 1), ('dice, softmax', 1), ('tversky', 1), ('hausdorff', 4)]  # the others fail in the first step
NO_OTHER = {'boundary', 'ohem', 'silog', 'hausdorff', 'hausdorff, weighted'}  # no setting makes them right
pytestmark = [
    pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore``'),
    pytest.mark.filterwarnings('ignore:``build_pixel_sampler`` would be deprecated:UserWarning'),
    pytest.mark.filterwarnings('ignore:For binary segmentation'),
    pytest.mark.filterwarnings('ignore:Using a target size'),
]


def config(logits: int, loss: dict | list, **head) -> Config:
    cfg = copy.deepcopy(QUICKSTART)
    classes = ['a', 'b', 'c', 'd'][: max(logits, 2)]
    for name in ('train', 'val', 'test'):
        cfg[f'{name}_dataloader'].dataset.metainfo = dict(classes=classes)
    one = dict(out_channels=1, threshold=0.5) if logits == 1 else {}
    cfg.model.decode_head.update(num_classes=len(classes), **one, **head)
    cfg.model.decode_head.loss_decode = copy.deepcopy(loss)
    return cfg


def step(cfg: Config, ignored: int = 255) -> float:
    """Run a step of training, and return its loss."""
    model = MODELS.build(ConfigDict(copy.deepcopy(cfg.model)))
    masks = torch.randint(0, cfg.model.decode_head.num_classes, (2, 1, 16, 16))
    masks[:, :, :3] = ignored
    losses = model.loss(torch.randn(2, 3, 16, 16), [SegDataSample(gt_sem_seg=PixelData(data=mask)) for mask in masks])
    total, _ = model.parse_losses(losses)
    total.backward()
    return total.item()


def findings(cfg: Config) -> list:
    return [finding for finding in check_config(cfg) if 'decode_head' in finding.key]


def apply(cfg: Config, fix: str) -> Config:
    """Do what a finding says, as --cfg-options does."""
    changed = copy.deepcopy(cfg)
    pairs = [pair.split('=') for pair in fix.split(', or ')[0].split()]
    literal = {'True': True, 'False': False, 'None': None, '2.0': 2.0, '255': 255}
    changed.merge_from_dict({key: literal.get(value, value) for key, value in pairs})
    return changed


@pytest.mark.parametrize('logits', [1, 2, 4])
@pytest.mark.parametrize('name', LOSSES)
def test_every_loss_of_the_hosts(name, logits):
    loss = {**LOSSES[name]}
    if 'class_weight' in loss:
        loss['class_weight'] = WEIGHTS[:logits]
    cfg = config(logits, [loss])
    found = findings(cfg)
    if not found:
        assert 0 < step(cfg) < 100
        return
    (finding,) = found
    assert finding.severity == 'error'
    assert finding.key.startswith('model.decode_head.loss_decode.0.')
    if (name, logits) not in SILENT:
        with pytest.raises((TypeError, ValueError, RuntimeError, IndexError, AssertionError, AttributeError)):
            step(cfg)
    if name in NO_OTHER and finding.fix.count('=') != 1:
        return
    mended = apply(cfg, finding.fix)
    assert not findings(mended), finding.fix
    assert 0 < step(mended) < 100


@pytest.mark.parametrize(
    ('logits', 'name', 'words'),
    [
        (1, 'dice', ['DiceLoss with one logit: it learns the inverse', 'type=mmseg_vitseg.DiceLoss']),
        (1, 'tversky', ['TverskyLoss with one logit: its gradient is 0', 'type=mmseg_vitseg.TverskyLoss']),
        (4, 'hausdorff', ['it drives 1 of the classes away from their own pixels']),
        (4, 'focal', ['fails on a CPU', 'type=mmseg_vitseg.FocalLoss']),
        (4, 'boundary', ["unexpected keyword argument 'weight'", 'PIDHead']),
        (1, 'lovasz', ['loss_type=binary', 'type=mmseg_vitseg.LovaszLoss']),
    ],
)
def test_what_is_said(logits, name, words):
    (finding,) = findings(config(logits, [LOSSES[name]]))
    for word in words:
        assert word in str(finding)


def test_a_loss_that_is_right_in_strips_is_wrong_beside_one_that_is_not_in_them():
    listed = [LOSSES['ce, weighted and averaged'], LOSSES['lovasz, reduced']]
    assert not findings(config(4, listed[:1]))
    (finding,) = findings(config(4, listed))
    assert (finding.key, 'type=mmseg_vitseg.CrossEntropyLoss' in finding.fix) == (
        'model.decode_head.loss_decode.0.type',
        True,
    )
    with pytest.raises((IndexError, RuntimeError)):
        step(config(4, listed))


def test_what_is_said_of_one_loss_is_what_is_said_of_it_in_a_list():
    (alone,), (listed,) = (findings(config(1, loss)) for loss in (LOSSES['dice'], [LOSSES['dice']]))
    assert (alone.what, alone.why) == (listed.what, listed.why)


@pytest.mark.parametrize('name', ['dice', 'focal', 'sigmoid'])
def test_with_a_sampler(name):
    cfg = config(4, [LOSSES['ce'], LOSSES[name]], sampler=OHEM)
    found = findings(cfg)
    assert [finding.key for finding in found] == ([] if name == 'sigmoid' else ['model.decode_head.loss_decode.1.type'])
    assert step(apply(cfg, found[0].fix) if found else cfg) > 0


def test_a_sampler_of_one_logit():
    (finding,) = findings(config(1, LOSSES['sigmoid'], sampler=OHEM))
    assert finding.key == 'model.decode_head.sampler.type'
    assert finding.fix == 'model.decode_head.sampler=None'


def test_one_plain_cross_entropy_is_ours_and_takes_weights():
    cfg = config(4, LOSSES['ce, weighted and averaged'])
    assert not findings(cfg)
    assert step(cfg) > 0


def test_a_name_that_nothing_learns_from():
    (finding,) = findings(config(4, [LOSSES['ce'], dict(LOSSES['dice'], loss_name='dice')]))
    assert finding.key == 'model.decode_head.loss_decode.1.loss_name'
    assert finding.fix.endswith('loss_name=loss_dice')


def test_arguments_of_another_loss():
    (finding,) = findings(config(4, dict(type='DiceLoss', avg_non_ignore=True)))
    assert finding.fix.startswith('DiceLoss has no avg_non_ignore: leave it out')


def test_a_head_that_ignores_no_label():
    (finding,) = findings(config(4, LOSSES['ce'], ignore_index=None))
    assert finding.fix == 'model.decode_head.ignore_index=255'


def test_a_check_draws_no_random_numbers():
    before = torch.get_rng_state()
    check_config(config(1, LOSSES['dice']))
    assert torch.equal(torch.get_rng_state(), before)
