"""Files that would run code if anything unpickled them, at every entrance that reads a checkpoint: it never runs."""

import io
import os
import pickle
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.runner import load_checkpoint

import mmseg_vitseg
from mmseg_vitseg.checkpoints.load_from import read_all_checkpoints
from mmseg_vitseg.checkpoints.reading import read_checkpoint
from mmseg_vitseg.engine.running.command_line import load_config
from mmseg_vitseg.engine.running.runner import build_runner

MARK = 'executed'  # what a payload makes in the working folder


class Payload:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (MARK,)


def state_of_a_training() -> dict:
    """What ``--resume`` looks for first."""
    return dict(torch.load('small.pth'), optimizer={}, message_hub={}, meta={'epoch': 1, 'iter': 1})


def as_torch_saves() -> None:
    torch.save({**state_of_a_training(), 'payload': Payload()}, 'evil.pth')


def in_the_optimizer() -> None:
    torch.save({**state_of_a_training(), 'optimizer': {'state': {0: {'step': Payload()}}}}, 'evil.pth')


def in_the_older_format() -> None:
    torch.save({**state_of_a_training(), 'payload': Payload()}, 'evil.pth', _use_new_zipfile_serialization=False)


def as_a_plain_pickle() -> None:
    Path('evil.pth').write_bytes(pickle.dumps({'state_dict': {'a': Payload()}}))


def by_getattr() -> None:
    """Without any function that is not allowed: getattr(getattr, '__self__') is the module that has eval.

    An allowed object gets eval as its __setstate__, and then a state, which is code.
    """

    def text(content: str) -> bytes:
        return b'X' + struct.pack('<I', len(content)) + content.encode()

    def attribute(owner: bytes, name: str) -> bytes:
        return find + owner + text(name) + b'\x86R'

    find = b'cbuiltins\ngetattr\n'
    evaluate = attribute(attribute(find, '__self__'), 'eval')
    namespace = b'cargparse\nNamespace\n)\x81'
    code = text(f'__import__("os").mkdir("{MARK}")')
    instructions = b'\x80\x02}' + text('state_dict') + namespace + b'}' + text('__setstate__') + evaluate + b'sb' + code
    plain = io.BytesIO()
    torch.save({}, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile('evil.pth', 'w') as target:
        for name in source.namelist():
            target.writestr(name, instructions + b'bs.' if name.endswith('data.pkl') else source.read(name))


FILES = (as_torch_saves, in_the_optimizer, in_the_older_format, as_a_plain_pickle, by_getattr)

TRAIN = 'train small.py'
INIT = "init_cfg=dict(type='Pretrained', checkpoint='evil.pth')"
ENTRANCES = {
    'load_from': f'{TRAIN} --cfg-options load_from=evil.pth',
    'resume': f'{TRAIN} --resume evil.pth',
    'resume, auto': f'{TRAIN} --resume',
    'resume in the config': f'{TRAIN} --cfg-options resume=True load_from=evil.pth',
    'resume in the config, auto': f'{TRAIN} --cfg-options resume=True',
    'pretrained backbone': f'{TRAIN} --cfg-options model.backbone.pretrained=evil.pth',
    'pretrained head': TRAIN,
    'pretrained segmentor': TRAIN,
    "pretrained backbone of the host's": TRAIN,
    'test': 'test small.py evil.pth',
    'predict': 'predict small.py evil.pth photo.png --out out',
    'compare, a': 'compare --a small.py evil.pth --b small.py small.pth --out x.png photo.png',
    'compare, b': 'compare --a small.py small.pth --b small.py evil.pth --out x.png photo.png',
    'convert': 'convert_checkpoint evil.pth x.safetensors',
}
PLACES = {  # where the config says init_cfg
    'pretrained head': ("LinearPatchHead', ", f"LinearPatchHead', {INIT}, "),
    'pretrained segmentor': ("EncoderDecoder',", f"EncoderDecoder', {INIT},"),
    "pretrained backbone of the host's": ("mmseg_vitseg.VisionTransformer', ", f"VisionTransformer', {INIT}, "),
}


def check_nothing_ran(folder: Path) -> None:
    assert not (folder / MARK).exists()


@pytest.mark.parametrize('make', FILES)
@pytest.mark.parametrize('entrance', ENTRANCES)
def test_no_entrance_unpickles(entrance, make, folder, call):
    make()
    if entrance.endswith('auto'):
        Path('work_dirs/small').mkdir(parents=True)
        Path('evil.pth').rename('work_dirs/small/epoch_1.pth')
    if entrance in PLACES:
        content = Path('small.py').read_text()
        assert PLACES[entrance][0] in content
        Path('small.py').write_text(content.replace(*PLACES[entrance]))
    result = call(ENTRANCES[entrance])
    check_nothing_ran(folder)
    lines = result.err.splitlines()
    assert (result.status, len(lines)) == (2, 1), result.err
    assert re.search(r'error: .*(evil|epoch_1)\.pth: (holds objects other than tensors|not a checkpoint)', lines[0])
    assert not list(folder.rglob('*.safetensors'))


@pytest.mark.parametrize('make', FILES)
def test_nor_do_the_functions(make, folder):
    make()
    read_all_checkpoints()
    for read in (
        read_checkpoint,
        lambda path: mmseg_vitseg.load_model('small.py', path),
        lambda path: load_checkpoint(torch.nn.Linear(1, 1), path),
    ):
        with pytest.raises(ValueError, match=r'evil\.pth'):
            read('evil.pth')
        check_nothing_ran(folder)


def test_a_file_that_changes_after_it_was_checked(folder, call, monkeypatch):
    """The Runner reads what it resumes from a second time, when the training starts."""
    torch.save({**state_of_a_training(), 'param_schedulers': []}, 'evil.pth')
    cfg = load_config('small.py')
    cfg.load_from, cfg.resume = 'evil.pth', True
    runner = build_runner(cfg)
    as_torch_saves()
    with pytest.raises(ValueError, match='objects other than tensors'):
        runner.train()
    check_nothing_ran(folder)


def test_other_suffixes(folder, call):
    np.savez('evil.npz', a=np.array([Payload()], dtype=object))
    Path('evil.safetensors').write_bytes(pickle.dumps(Payload()))
    for name in ('evil.npz', 'evil.safetensors'):
        result = call(f'predict small.py {name} photo.png --out out')
        assert (result.status, len(result.err.splitlines())) == (2, 1)
        check_nothing_ran(folder)


def test_what_the_runner_writes_is_read(folder, call):
    """Its history of losses asks for getattr: and gets what it needs of it."""
    assert call('train small.py').status == 0
    buffers = read_checkpoint('work_dirs/small/epoch_1.pth')['message_hub']['log_scalars']
    assert buffers['train/loss'].statistics('mean') > 0
    result = call('train small.py --resume --cfg-options train_cfg.max_epochs=2')
    assert (result.status, result.err) == (0, '')
