"""tools/convert_checkpoint.py as a user runs it."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mmseg_vitseg.models import VisionTransformer
from vitseg_tests.convertible import write_vit
from vitseg_tests.eomt_files import FAMILIES, SIZES, differences_of, of_authors


@pytest.fixture
def files(tmp_path):
    """See :func:`vitseg_tests.convertible.write_vit`."""
    return write_vit(tmp_path)


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


FILES = {
    'empty.pth': b'',
    'page.safetensors': b'<!DOCTYPE html><title>404</title>',
    'bytes.npz': b'\0' * 500,
    'text.bin': b'hello',
}
MISTAKES = [
    ('empty.pth y.pth', 'empty.pth: the file is empty; fetch it again'),
    ('page.safetensors y.pth', 'a web page, not a checkpoint'),
    ('bytes.npz y.pth', 'not an .npz of plain arrays, or damaged'),
    ('text.bin y.pth', 'not a checkpoint, or damaged'),
    ('none.pth y.pth', 'none.pth: no such checkpoint file'),
    ('vit.pth y.txt', "ends in '.txt'; allowed: .safetensors, .pth"),
    ('vit.pth none/y.pth', 'none: no such folder'),
    ('vit.pth vit.pth', 'is the source itself'),
    ('vit.pth y.pth --base nowhere.pth', 'nowhere.pth: no such checkpoint file'),
    (
        'vit.pth y.pth --base vit.pth',
        "--base is for differences to DINOv3, which the EoMT authors publish; this is timm's ViT",
    ),
    ('vit.pth y.pth --source jax', "source='jax', but this is timm's ViT"),
    ('vit.pth y.pth --source tim', 'invalid choice'),
    ('vit.pth y.pth --config none.py', 'none.py: no such config'),
    ('vit.pth y.pth --resize-patches', 'need --config'),
    ('vit.pth y.pth --head none.pth', 'need --config'),
    ('vit.pth y.pth --config config.py --head none.pth', 'none.pth: no such checkpoint file'),
    ('vit.pth y.pth --config config.py --cfg-options model.backbone.embed_dims=8', 'nothing was loaded'),
    ('more.safetensors y.pth', "timm's ViT has no blocks.1.attn.q_norm.weight; nothing was written"),
    ('cnn.safetensors y.pth', 'not a format that is known (timm, '),
    ('cnn.safetensors y.pth', 'its first names are conv1.weight'),
]


@pytest.mark.parametrize(('arguments', 'words'), MISTAKES)
def test_mistakes_are_one_line_and_nothing_is_written(arguments, words, files, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        Path(name).write_bytes(content)
    save_file({**files, 'blocks.1.attn.q_norm.weight': torch.ones(4)}, 'more.safetensors')
    save_file({'conv1.weight': torch.ones(1)}, 'cnn.safetensors')
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    result = call(f'convert_checkpoint {arguments}')
    assert (result.status, len(result.err.splitlines())) == (2, 1), result.err
    assert words in result.err
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


DIFFERENCES = [
    ('d.bin y.pth', "d.bin: EoMT's differences to DINOv3's weights, not weights: "),
    ('d.bin y.pth --base nowhere', 'nowhere: no such checkpoint file'),
    (
        'd.bin y.pth --base wider.pth',
        '--base wider.pth is a DINOv3 of 2 blocks, width 48, patches 8, these are differences',
    ),
    ('d.bin y.pth --base vit.pth', "--base vit.pth: timm's ViT; allowed: DINOv3"),
    ('d.bin base.pth --base base.pth', 'base.pth: is the base; give the result another name'),
]


def test_differences_and_their_base(files, call, tmp_path, monkeypatch):
    """Made weights by the tool, which says what it made them of; anything else in one line."""
    monkeypatch.chdir(tmp_path)
    differences, base = differences_of(of_authors(FAMILIES['DINOv3'].hugging_face().state_dict(), rotary=True))
    torch.save({'state_dict': differences}, 'd.bin')
    torch.save(base, 'base.pth')
    torch.save(VisionTransformer(variant='dinov3_s', **{**SIZES, 'embed_dims': 48}).state_dict(), 'wider.pth')
    for arguments, words in DIFFERENCES:
        result = call(f'convert_checkpoint {arguments}')
        assert (result.status, len(result.err.splitlines())) == (2, 1), result.err
        assert words in result.err
    assert call('convert_checkpoint d.bin y.safetensors --base base.pth').status == 0
    noted = provenance(Path('y.safetensors'))
    assert noted['base'] == f'base.pth, {hashlib.sha256(Path("base.pth").read_bytes()).hexdigest()}'
    assert noted['map'] == "the EoMT authors' on DINOv3 -> ours"
    assert 'decode_head.q.weight' in load_file('y.safetensors')
