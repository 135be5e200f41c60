"""Linear heads that are released by themselves, as DINOv2's, beside a backbone's own file."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor
from torch.testing import assert_close

from mmseg_vitseg import load_model
from mmseg_vitseg.checkpoints.loading import load_pretrained_backbone, load_pretrained_head, load_whole_model
from mmseg_vitseg.converting.convert import convert_file
from vitseg_tests.paths import config_path
from vitseg_tests.weights import randomise

WIDTH, CLASSES = 24, 5
VIT = dict(variant='dinov2_s', embed_dims=WIDTH, num_layers=4, num_heads=4, patch_size=8, img_size=32)
LEVELS = {1: (3,), 4: (0, 1, 2, 3)}


def model(levels: int, **head) -> torch.nn.Module:
    """A segmentor whose head reads that many levels."""
    indices = [*range(levels)]
    defaults = dict(in_channels=[WIDTH] * levels, in_index=indices, num_classes=CLASSES, dropout_ratio=0)
    return MODELS.build(
        dict(
            type='mmseg_vitseg.EncoderDecoder',
            backbone=dict(VIT, type='mmseg_vitseg.VisionTransformer', out_indices=LEVELS[levels]),
            decode_head=dict(defaults, type='mmseg_vitseg.LinearHead', **head),
        )
    )


def released(levels: int, classes: int = CLASSES, width: int = WIDTH) -> dict[str, Tensor]:
    """What is in a file of the authors': a norm and a classifier, and no backbone."""
    channels = levels * width
    return {
        'decode_head.conv_seg.weight': torch.randn(classes, channels, 1, 1),
        'decode_head.conv_seg.bias': torch.randn(classes),
        'decode_head.bn.weight': torch.rand(channels) + 0.5,
        'decode_head.bn.bias': torch.randn(channels),
        'decode_head.bn.running_mean': torch.randn(channels),
        'decode_head.bn.running_var': torch.rand(channels) + 0.5,
        'decode_head.bn.num_batches_tracked': torch.tensor(40000),
    }


@pytest.mark.parametrize('wrapper', ['', 'module.'])
@pytest.mark.parametrize('levels', LEVELS)
def test_a_released_head_beside_the_backbones_own_file(levels, wrapper, tmp_path):
    state = released(levels)
    content = {
        'meta': {'mIoU': np.float64(0.4)},
        'state_dict': {wrapper + name: value for name, value in state.items()},
        'optimizer': {},
    }
    torch.save(content, tmp_path / 'head.pth')
    pretrained = randomise(model(levels).backbone)
    torch.save(pretrained.state_dict(), tmp_path / 'backbone.pth')

    ours = model(levels, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'head.pth')))
    ours.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'backbone.pth'))
    ours.init_weights()
    ours.eval()

    images = torch.randn(1, 3, 32, 48)
    norm = [state[f'decode_head.bn.{name}'] for name in ('running_mean', 'running_var', 'weight', 'bias')]
    with torch.no_grad():
        x = F.batch_norm(torch.cat(pretrained(images), dim=1), *norm)
        expected = F.conv2d(x, state['decode_head.conv_seg.weight'], state['decode_head.conv_seg.bias'])
        assert_close(ours(images), expected)


@pytest.mark.parametrize(
    ('prefix', 'option'), [('', ''), ('probe.', 'probe'), ('auxiliary_head.0.', 'auxiliary_head.0.')]
)
def test_a_head_under_another_name(prefix, option, tmp_path):
    state = {name.replace('decode_head.', prefix): value for name, value in released(1).items()}
    torch.save(state, tmp_path / 'head.pth')
    head = model(1).decode_head
    load_pretrained_head(head, tmp_path / 'head.pth', prefix=option)
    assert all(torch.equal(value, state[prefix + name]) for name, value in head.state_dict().items())


@pytest.mark.parametrize(
    ('state', 'options', 'words'),
    [
        (
            released(4),
            {},
            r'linear head on 96 channels \(one level of that width, or four of 24\), your config one on 24',
        ),
        (released(1, width=36), {}, r'linear head on 36 channels .* your config one on 24: out_indices'),
        (released(1, width=25), {}, r'linear head on 25 channels \(one level of that width\), your config'),
        (released(1, classes=21), {}, 'This file has 21 classes, your config 5'),
        (released(1), dict(prefix='auxiliary_head.0.'), r'head\.pth: .*head only.*decode_head\.conv_seg'),
        (model(1).backbone.state_dict(), {}, r'no name begins with decode_head\.; .* backbone\.'),
        ({**released(1), 'decode_head.conv.weight': torch.ones(1)}, {}, r'1 not in the model \(conv\.weight\)'),
    ],
)
def test_what_fits_no_head_is_refused(state, options, words, tmp_path):
    torch.save(state, tmp_path / 'head.pth')
    head = model(1).decode_head
    before = {name: value.clone() for name, value in head.state_dict().items()}
    with pytest.raises(ValueError, match=words):
        load_pretrained_head(head, tmp_path / 'head.pth', **options)
    assert_close(head.state_dict(), before, rtol=0, atol=0)


def test_a_whole_model_of_other_levels_is_told_so(tmp_path):
    torch.save(model(4).state_dict(), tmp_path / 'model.pth')
    with pytest.raises(ValueError, match='linear head on 96 channels'):
        load_whole_model(model(1), tmp_path / 'model.pth')


def test_of_another_backbone_the_models_are_named(tmp_path):
    state = {
        name: torch.cat([value] * 2, dim=-1) if value.ndim else value for name, value in model(1).state_dict().items()
    }
    torch.save(state, tmp_path / 'model.pth')
    with pytest.raises(ValueError, match=r'This file is a ViT of .*your config says ViT of 4 blocks, width 24'):
        load_whole_model(model(1), tmp_path / 'model.pth')


def test_a_head_is_neither_a_backbone_nor_a_model(tmp_path):
    torch.save(released(1), tmp_path / 'head.pth')
    with pytest.raises(ValueError, match=r'a head only, without a backbone'):
        load_pretrained_backbone(model(1).backbone, tmp_path / 'head.pth')
    with pytest.raises(ValueError, match=r'It is a head only: name it in model\.decode_head\.init_cfg'):
        load_whole_model(model(1), tmp_path / 'head.pth')


def test_two_files_become_a_checkpoint(tmp_path):
    """As docs/weights_and_data.md does it, made small."""
    torch.save(released(1, classes=150), tmp_path / 'head.pth')
    backbone = randomise(model(1).backbone)
    torch.save({**backbone.state_dict(), 'mask_token': torch.zeros(1, WIDTH)}, tmp_path / 'backbone.pth')
    small = {f'model.backbone.{name}': value for name, value in VIT.items()} | {'model.decode_head.in_channels': WIDTH}
    files, config = (tmp_path / 'backbone.pth', tmp_path / 'whole.pth'), config_path('dinov2_s_linear_ade20k')
    said = convert_file(*files, config=config, cfg_options=small, head=tmp_path / 'head.pth')
    assert said['head'].startswith(f'{tmp_path / "head.pth"}, ')
    whole = load_model(config, tmp_path / 'whole.pth', options=small).state_dict()
    expected = {f'backbone.{name}': value for name, value in backbone.state_dict().items()}
    assert_close(dict(whole), {**expected, **torch.load(tmp_path / 'head.pth')}, rtol=0, atol=0)


@pytest.mark.parametrize(
    ('backbone', 'head', 'words'),
    [
        (model(1).backbone.state_dict(), released(4), 'linear head on 96 channels'),
        (model(1).backbone.state_dict(), model(1).backbone.state_dict(), 'no name begins with decode_head'),
        (model(1).state_dict(), released(1), 'has a head already'),
        (released(1), released(1), 'a head only, without a backbone'),
    ],
)
def test_two_files_that_make_no_model(backbone, head, words, tmp_path):
    torch.save(backbone, tmp_path / 'backbone.pth')
    torch.save(head, tmp_path / 'head.pth')
    options = {f'model.backbone.{name}': value for name, value in VIT.items()}
    options |= {'model.decode_head.in_channels': WIDTH, 'model.decode_head.num_classes': CLASSES}
    config = config_path('dinov2_s_linear_ade20k')
    with pytest.raises(ValueError, match=words):
        convert_file(
            tmp_path / 'backbone.pth',
            tmp_path / 'whole.pth',
            config=config,
            cfg_options=options,
            head=tmp_path / 'head.pth',
        )
    assert not (tmp_path / 'whole.pth').exists()
