import os
import pickle
import zipfile
from argparse import Namespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmseg_vitseg.checkpoints.reading import read_checkpoint, read_state_dict

WEIGHTS = {'a.weight': torch.arange(6.0).reshape(2, 3), 'a.bias': torch.ones(2, dtype=torch.float16)}


class Payload:
    """Would make a folder if anything unpickled it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('wrap', [lambda w: w, lambda w: {'state_dict': w, 'meta': {}}, lambda w: {'model': w}])
@pytest.mark.parametrize('legacy', [False, True])
def test_state_dict_of_torch_save(wrap, legacy, tmp_path):
    torch.save(wrap(WEIGHTS), tmp_path / 'x.pth', _use_new_zipfile_serialization=not legacy)
    state = read_state_dict(tmp_path / 'x.pth')
    assert state.keys() == WEIGHTS.keys()
    assert all(torch.equal(state[name], WEIGHTS[name]) for name in WEIGHTS)


def test_safetensors(tmp_path):
    save_file(WEIGHTS, tmp_path / 'x.safetensors')
    assert torch.equal(read_state_dict(tmp_path / 'x.safetensors')['a.weight'], WEIGHTS['a.weight'])


def test_what_the_hosts_runner_adds_is_read(tmp_path):
    from mmengine.logging import HistoryBuffer

    hub = {'loss': HistoryBuffer([1.0, 2.0], [1, 1]), 'score': np.float64(3), 'seen': np.int64(4)}
    torch.save({'state_dict': WEIGHTS, 'message_hub': hub, 'meta': {'epoch': 3}}, tmp_path / 'x.pth')
    assert read_checkpoint(tmp_path / 'x.pth')['message_hub']['loss'].current() == 2.0


def test_no_pickle_is_executed(tmp_path):
    mark = tmp_path / 'executed'
    torch.save({'state_dict': WEIGHTS, 'meta': Payload(mark)}, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=r'any code when they are read.*--unsafe-unpickle reads it, with your rights'):
        read_checkpoint(tmp_path / 'x.pth')
    (tmp_path / 'y.pth').write_bytes(pickle.dumps({'model': Payload(mark)}))
    with pytest.raises(ValueError):
        read_checkpoint(tmp_path / 'y.pth')
    assert not mark.exists()


def write(path):
    if path.suffix == '.npz':
        np.savez(path, **{name: value.numpy() for name, value in WEIGHTS.items()})
    else:
        save_file(WEIGHTS, path) if path.suffix == '.safetensors' else torch.save(WEIGHTS, path)


@pytest.mark.parametrize('name', ['x.pth', 'x.safetensors', 'x.npz'])
@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'', 'empty'),
        (b'<html>404 Not Found</html>', 'a web page, not a checkpoint'),
        (b'\n<!DOCTYPE html><html>', 'a web page, not a checkpoint'),
        (b'version https://git-lfs.github.com/spec/v1\noid sha256:1', 'a Git LFS pointer'),
        (b'\0' * 1000, 'not a'),
        ('half', 'damaged'),
    ],
)
def test_bad_files_are_named(name, content, words, tmp_path):
    path = tmp_path / name
    if content == 'half':
        write(path)
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as info:
        read_state_dict(path)
    assert str(path) in str(info.value)
    assert '\n' not in str(info.value)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such checkpoint'):
        read_checkpoint(tmp_path / 'none.pth')


@pytest.mark.parametrize('content', [[1, 2], {}, {'epoch': 3}, {'state_dict': {}}])
def test_no_weights(content, tmp_path):
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=r'x\.pth'):
        read_state_dict(tmp_path / 'x.pth')


def test_unpickling_on_request(tmp_path):
    mark = tmp_path / 'executed'
    torch.save({'state_dict': WEIGHTS, 'meta': Payload(mark)}, tmp_path / 'x.pth')
    assert torch.equal(read_state_dict(tmp_path / 'x.pth', unpickle=True)['a.weight'], WEIGHTS['a.weight'])
    assert mark.exists()


def test_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='a folder; name a checkpoint file in it'):
        read_checkpoint(tmp_path)


def test_the_command_line_that_authors_keep_in_their_files(tmp_path):
    """DeiT, MAE, DINO: data without behaviour."""
    torch.save({'model': WEIGHTS, 'args': Namespace(lr=0.1)}, tmp_path / 'x.pth')
    assert read_checkpoint(tmp_path / 'x.pth')['args'].lr == 0.1


def test_names_behind_data_parallelism(tmp_path):
    torch.save({'teacher': {f'module.{name}': value for name, value in WEIGHTS.items()}}, tmp_path / 'x.pth')
    assert read_state_dict(tmp_path / 'x.pth').keys() == WEIGHTS.keys()


def test_arrays(tmp_path):
    write(tmp_path / 'x.npz')
    state = read_state_dict(tmp_path / 'x.npz')
    assert all(torch.equal(state[name], WEIGHTS[name]) for name in WEIGHTS)


def test_arrays_of_objects_are_not_unpickled(tmp_path):
    mark = tmp_path / 'executed'
    np.savez(tmp_path / 'x.npz', a=np.array([Payload(mark)], dtype=object))
    with pytest.raises(ValueError, match='holds Python objects'):
        read_state_dict(tmp_path / 'x.npz')
    assert not mark.exists()


def array_file(path, shape: str, data: bytes, method=zipfile.ZIP_STORED):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + '\n'
    content = b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header.encode() + data
    with zipfile.ZipFile(path, 'w', method) as archive:
        archive.writestr('a.npy', content)


def test_sizes_are_checked_before_memory_is_taken(tmp_path):
    """Four terabytes declared, eight bytes there; a tensor of one element seen as a trillion."""
    array_file(tmp_path / 'x.npz', '(1000000, 1000000)', b'\0' * 8)
    with pytest.raises(ValueError, match=r'declares \(1000000, 1000000\), which is not the size of its data'):
        read_state_dict(tmp_path / 'x.npz')
    array_file(tmp_path / 'y.npz', '(2,)', b'\0' * 8)
    assert read_state_dict(tmp_path / 'y.npz')['a'].tolist() == [0, 0]
    torch.save({'a': torch.ones(1).expand(10**6, 10**6)}, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=r'a \(1000000, 1000000\) is larger than its data'):
        read_state_dict(tmp_path / 'x.pth')
    header = b'{"a":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}'
    (tmp_path / 'x.safetensors').write_bytes(len(header).to_bytes(8, 'little') + header + b'\0' * 8)
    with pytest.raises(ValueError, match='damaged'):
        read_state_dict(tmp_path / 'x.safetensors')
    (tmp_path / 'x.safetensors').write_bytes((10**15).to_bytes(8, 'little') + b'{}')
    with pytest.raises(ValueError, match='damaged'):
        read_state_dict(tmp_path / 'x.safetensors')


def test_an_archive_that_explodes(tmp_path, monkeypatch):
    monkeypatch.setattr('mmseg_vitseg.checkpoints.file_kinds.EXPANSION', 100)
    array_file(tmp_path / 'x.npz', '(1000000,)', b'\0' * 4000000, zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match='would grow 100 times and more'):
        read_state_dict(tmp_path / 'x.npz')


def test_a_file_that_was_compressed_again(tmp_path):
    """Its bytes cannot be mapped as they stand."""
    weights = {'a': torch.arange(100.0), 'b': torch.randn(10000)}
    torch.save(weights, tmp_path / 'x.pth')
    with (
        zipfile.ZipFile(tmp_path / 'x.pth') as stored,
        zipfile.ZipFile(tmp_path / 'y.pth', 'w', zipfile.ZIP_DEFLATED) as compressed,
    ):
        for member in stored.infolist():
            compressed.writestr(member.filename, stored.read(member))
    again = read_state_dict(tmp_path / 'y.pth')
    assert all(torch.equal(again[name], value) for name, value in weights.items())
