"""tools/convert_checkpoint.py as a user runs it."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from mmseg_vitseg.converting import convert
from mmseg_vitseg.models import VisionTransformer
from vitseg_tests.user_errors import check_user_error

CONFIG = """
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    backbone=dict(type='mmseg_vitseg.VisionTransformer', embed_dims=16, num_layers=2, num_heads=2, img_size=48, patch_size=8,
                  init_cfg=dict(type='Pretrained', checkpoint='nowhere.pth')),
    decode_head=dict(type='mmseg_vitseg.LinearPatchHead', in_channels=16, num_classes=3, patch_size=8))
"""


@pytest.fixture
def files(tmp_path):
    """A ViT under timm's names with a classifier, in ``vit.pth``; a config that lacks its final norm, in ``config.py``."""
    model = VisionTransformer(embed_dims=16, num_layers=2, num_heads=2, img_size=32, patch_size=8, final_norm=True)
    model.init_weights()
    state = {**model.state_dict(), 'head.weight': torch.ones(3, 16), 'head.bias': torch.ones(3)}
    state['patch_embed.proj.weight'] = state['patch_embed.proj.weight'].unflatten(1, (3, 8, 8))
    torch.save({'model': state}, tmp_path / 'vit.pth')
    (tmp_path / 'config.py').write_text(CONFIG)
    return state


def provenance(path):
    with path.open('rb') as file:
        return json.loads(file.read(int.from_bytes(file.read(8), 'little')))['__metadata__']


def test_to_ours_and_on_to_hf_and_back(files, run_tool, tmp_path):
    result = run_tool('convert_checkpoint.py', 'vit.pth', 'ours.safetensors')
    assert 'dropped: head.weight, head.bias' in result.stdout
    assert result.stdout.splitlines()[-1] == 'ours.safetensors is written'
    noted = provenance(tmp_path / 'ours.safetensors')
    assert noted['sha256'] == hashlib.sha256((tmp_path / 'vit.pth').read_bytes()).hexdigest()
    assert (noted['source_file'], noted['map'], noted['dropped']) == (
        'vit.pth',
        "timm's ViT -> ours",
        'head.weight, head.bias',
    )
    run_tool('convert_checkpoint.py', 'ours.safetensors', 'hf.pth', '--to', 'hf')
    content = torch.load(tmp_path / 'hf.pth')
    assert 'encoder.layer.1.attention.attention.query.weight' in content['state_dict']
    assert content['meta']['provenance']['map'] == "timm's ViT -> hf"
    run_tool('convert_checkpoint.py', 'hf.pth', 'timm.safetensors', '--source', 'hf', '--to', 'timm')
    again = load_file(tmp_path / 'timm.safetensors')
    assert again.keys() == files.keys() - {'head.weight', 'head.bias'}
    assert all(torch.equal(value, files[name]) for name, value in again.items())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'config.py',
        'hf.pth',
        'ours.safetensors',
        'timm.safetensors',
        'vit.pth',
    ]


def test_with_a_config_the_result_fits_it(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = convert.convert_file('vit.pth', 'fit.safetensors', config='config.py')
    model = VisionTransformer(embed_dims=16, num_layers=2, num_heads=2, img_size=48, patch_size=8)
    state = load_file('fit.safetensors')
    assert {name: value.shape for name, value in state.items()} == {
        name: value.shape for name, value in model.state_dict().items()
    }
    assert report['dropped'] == 'head.weight, head.bias, norm.weight, norm.bias'
    with pytest.raises(
        ValueError, match=r'1 of another shape .*This file is a ViT of 2 blocks, width 16, patches 8 at 32'
    ):
        (tmp_path / 'other.py').write_text(CONFIG.replace('patch_size=8,', 'patch_size=16,'))
        convert.convert_file('vit.pth', 'no.safetensors', config='other.py')
    convert.convert_file('vit.pth', 'resized.pth', config='other.py', resize_patches=True)
    assert torch.load('resized.pth')['state_dict']['patch_embed.proj.weight'].shape == (16, 768)


def test_a_whole_model(tmp_path, monkeypatch):
    from mmseg.registry import MODELS

    monkeypatch.chdir(tmp_path)
    (tmp_path / 'config.py').write_text(CONFIG)
    namespace: dict = {}
    exec(CONFIG, namespace)
    model = MODELS.build(namespace['model'])
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, 'epoch_1.pth')
    convert.convert_file('epoch_1.pth', 'whole.safetensors', config='config.py')
    assert load_file('whole.safetensors').keys() == model.state_dict().keys()
    convert.convert_file('epoch_1.pth', 'host.safetensors', to='mmseg', config='config.py')
    assert 'backbone.layers.0.attn.attn.in_proj_weight' in load_file('host.safetensors')


MISTAKES = {
    'empty': (b'', 'x.pth', ('x.pth: the file is empty; fetch it again',)),
    'html': (b'<!DOCTYPE html><title>404</title>', 'x.safetensors', ('a web page, not a checkpoint',)),
    'bytes': (b'\0' * 500, 'x.npz', ('not an .npz of plain arrays, or damaged',)),
    'text': (b'hello', 'x.bin', ('not a checkpoint, or damaged',)),
}


@pytest.mark.parametrize('kind', MISTAKES)
def test_bad_files_are_one_line(kind, run_tool, tmp_path):
    content, name, words = MISTAKES[kind]
    (tmp_path / name).write_bytes(content)
    check_user_error(run_tool('convert_checkpoint.py', name, 'y.pth', check=False), *words)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_mistakes_of_the_command_line(files, run_tool, tmp_path):
    def refused(*args, words):
        check_user_error(run_tool('convert_checkpoint.py', *args, check=False), *words)

    refused('none.pth', 'y.pth', words=['none.pth: no such checkpoint file'])
    refused('vit.pth', 'y.txt', words=["ends in '.txt'; allowed: .safetensors, .pth"])
    refused('vit.pth', 'none/y.pth', words=['none: no such folder'])
    refused('vit.pth', 'vit.pth', words=['is the source itself'])
    refused('vit.pth', 'y.pth', '--source', 'jax', words=["source='jax', but this is timm's ViT"])
    refused('vit.pth', 'y.pth', '--source', 'tim', words=['invalid choice'])
    refused('vit.pth', 'y.pth', '--config', 'none.py', words=['none.py: no such config'])
    refused('vit.pth', 'y.pth', '--resize-patches', words=['need --config'])
    save_file({**files, 'blocks.1.attn.q_norm.weight': torch.ones(4)}, tmp_path / 'more.safetensors')
    refused('more.safetensors', 'y.pth', words=["timm's ViT has no blocks.1.attn.q_norm.weight; nothing was written"])
    save_file({'conv1.weight': torch.ones(1)}, tmp_path / 'cnn.safetensors')
    refused('cnn.safetensors', 'y.pth', words=['not a format that is known', 'its first names are conv1.weight'])
    assert not (tmp_path / 'y.pth').exists()


def test_an_interrupted_write_leaves_nothing(files, tmp_path, monkeypatch):
    (tmp_path / 'y.pth').write_bytes(b'before')

    def fail(content, path):
        path.write_bytes(b'half')
        raise OSError('disk full')

    monkeypatch.setattr(torch, 'save', fail)
    with pytest.raises(OSError, match='disk full'):
        convert.convert_file(tmp_path / 'vit.pth', tmp_path / 'y.pth')
    assert (tmp_path / 'y.pth').read_bytes() == b'before'
    assert sorted(path.name for path in tmp_path.iterdir()) == ['config.py', 'vit.pth', 'y.pth']
