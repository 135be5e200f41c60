"""Converting with a config, which the result fits; nothing is written but the result."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from safetensors.torch import load_file

from mmseg_vitseg.converting.convert import convert_file
from mmseg_vitseg.models import VisionTransformer
from vitseg_tests.convertible import CONFIG, HEAD, write_vit

SEGMENTER = "dict(type='SegmenterMaskTransformerHead', num_layers=1, num_heads=2, embed_dims=16, dropout_ratio=0.0"
HEADS = {
    'ours': HEAD,
    "the host's": "dict(type='FCNHead', in_channels=16, channels=8, num_classes=3)",
    "the host's, reading numbers off tensors": f'{SEGMENTER}, in_channels=16, channels=16, num_classes=3)',
}
SEGMENTOR = "model = dict(type='mmseg_vitseg.EncoderDecoder', "
MISTAKES = [
    ('x = 1', 'config.py: has no model; a config needs model'),
    (
        CONFIG.replace('mmseg_vitseg.EncoderDecoder', 'EncoderDecoder'),
        'config.py: its model is no mmseg_vitseg.EncoderDecoder',
    ),
    (f"{SEGMENTOR}backbone=dict(type='ResNet', depth=18), decode_head={HEAD})", 'with a backbone of this package'),
    (CONFIG.replace('embed_dims', 'embed_dim'), "has no argument 'embed_dim'; did you mean 'embed_dims'"),
    (CONFIG.replace('Transformer', 'Transfomer'), 'mmseg_vitseg.VisionTransfomer is not in the'),
]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


def test_with_a_config_the_result_fits_it():
    write_vit(Path())
    report = convert_file('vit.pth', 'fit.safetensors', config='config.py')
    model = VisionTransformer(embed_dims=16, num_layers=2, num_heads=2, img_size=48, patch_size=8)
    shapes = {name: value.shape for name, value in load_file('fit.safetensors').items()}
    assert shapes == {name: value.shape for name, value in model.state_dict().items()}
    assert report['dropped'] == 'head.weight, head.bias, norm.weight, norm.bias'
    Path('other.py').write_text(CONFIG.replace('patch_size=8,', 'patch_size=16,'))
    with pytest.raises(
        ValueError, match=r'1 of another shape .*This file is a ViT of 2 blocks, width 16, patches 8 at 32'
    ):
        convert_file('vit.pth', 'no.safetensors', config='other.py')
    convert_file('vit.pth', 'resized.pth', config='other.py', resize_patches=True)
    assert torch.load('resized.pth')['state_dict']['patch_embed.proj.weight'].shape == (16, 768)


@pytest.mark.parametrize('head', HEADS)
def test_a_whole_model(head):
    Path('config.py').write_text(CONFIG.replace(HEAD, HEADS[head]))
    state = MODELS.build(Config.fromfile('config.py').model).state_dict()
    torch.save({'state_dict': state, 'meta': {}}, 'epoch_1.pth')
    report = convert_file('epoch_1.pth', 'whole.safetensors', config='config.py')
    assert report['map'] == 'a segmentor of ours -> ours'
    whole = load_file('whole.safetensors')
    assert whole.keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in whole.items())
    convert_file('epoch_1.pth', 'host.safetensors', to='mmseg', config='config.py')
    assert 'backbone.layers.0.attn.attn.in_proj_weight' in load_file('host.safetensors')


def test_what_starts_from_scratch_is_not_written():
    Path('five.py').write_text(CONFIG.replace('num_classes=3', 'num_classes=5'))
    state = MODELS.build(Config.fromfile('five.py').model).state_dict()
    torch.save(state, 'epoch_1.pth')
    Path('config.py').write_text(CONFIG)
    with pytest.raises(ValueError, match='This file has 5 classes, your config 3'):
        convert_file('epoch_1.pth', 'whole.pth', config='config.py')
    Path('config.py').write_text(CONFIG + "model['from_scratch'] = ['decode_head']\n")
    convert_file('epoch_1.pth', 'whole.pth', config='config.py')
    written = torch.load('whole.pth')['state_dict'].keys()
    assert written == {name for name in state if name.startswith('backbone.')}


@pytest.mark.parametrize(('config', 'words'), MISTAKES)
def test_configs_that_nothing_can_be_fitted_to(config, words):
    write_vit(Path())
    Path('config.py').write_text(config)
    with pytest.raises(ValueError, match=words):
        convert_file('vit.pth', 'y.pth', config='config.py')
    assert not Path('y.pth').exists()


def test_an_interrupted_write_leaves_nothing(monkeypatch):
    write_vit(Path())
    Path('y.pth').write_bytes(b'before')

    def fail(content, path):
        path.write_bytes(b'half')
        raise OSError('disk full')

    monkeypatch.setattr(torch, 'save', fail)
    with pytest.raises(OSError, match='disk full'):
        convert_file('vit.pth', 'y.pth')
    assert Path('y.pth').read_bytes() == b'before'
    assert sorted(path.name for path in Path().iterdir()) == ['config.py', 'vit.pth', 'y.pth']
