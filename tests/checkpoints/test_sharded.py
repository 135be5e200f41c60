"""Checkpoints in several files, and files whose name says another kind than their content."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.checkpoints.reading import read_checkpoint, read_shapes, read_state_dict
from mmseg_vitseg.converting.convert import convert_file

WEIGHTS = {f'{letter}.weight': torch.full((2, 3), float(index)) for index, letter in enumerate('abcd')}


def equal(state):
    return state.keys() == WEIGHTS.keys() and all(torch.equal(state[name], value) for name, value in WEIGHTS.items())


@pytest.fixture(params=['model.safetensors', 'pytorch_model.bin'])
def folder(request, tmp_path):
    """Two parts and their index, as transformers writes them, and what may lie beside them."""
    stem, _, suffix = request.param.partition('.')
    places = {}
    for number in (1, 2):
        part = {name: value for name, value in WEIGHTS.items() if (name in ('a.weight', 'b.weight')) == (number == 1)}
        file = f'{stem}-0000{number}-of-00002.{suffix}'
        (save_file if suffix == 'safetensors' else torch.save)(part, tmp_path / file)
        places |= dict.fromkeys(part, file)
    index = tmp_path / f'{request.param}.index.json'
    index.write_text(json.dumps(dict(metadata=dict(total_size=1), weight_map=places)))
    torch.save(dict(lr=1), tmp_path / 'training_args.bin')
    return tmp_path, index, places


def test_the_index_and_the_folder_are_read(folder):
    path, index, _ = folder
    assert equal(read_state_dict(index))
    assert equal(read_state_dict(path))
    assert local_file(path) == index
    assert read_shapes(local_file(path))['d.weight'].shape == (2, 3)


def test_a_part_is_no_checkpoint(folder):
    path, index, places = folder
    with pytest.raises(
        ValueError, match=rf'part 2 of 2 of a checkpoint; name their folder, or the index .*{index.name}'
    ):
        read_state_dict(path / places['d.weight'])
    index.unlink()
    with pytest.raises(FileNotFoundError, match=rf'has parts of a checkpoint, but not their index, {index.name}'):
        local_file(path)


@pytest.mark.parametrize('outside', ['../x.bin', '/etc/passwd', '..', '.', '', 'sub/x.bin', 'sub\\x.bin', 3, None])
def test_parts_stand_beside_their_index(outside, folder):
    path, index, places = folder
    (path.parent / 'x.bin').write_bytes(b'not to be read')
    index.write_text(json.dumps(dict(weight_map={**places, 'e.weight': outside})))
    with pytest.raises(ValueError, match=r'in the same folder as their index|not an index of weights'):
        read_checkpoint(index)


def test_an_index_that_is_not_of_its_parts(folder):
    path, index, places = folder
    index.write_text(json.dumps(dict(weight_map={**places, 'e.weight': places['a.weight']})))
    with pytest.raises(ValueError, match=r'e\.weight is not both here and in .*index\.json'):
        read_state_dict(index)
    index.write_text(json.dumps(dict(weight_map=places)))
    (path / places['d.weight']).unlink()
    with pytest.raises(FileNotFoundError, match=r'part 2 of 2 of .* is not there; fetch it too'):
        read_state_dict(path)
    index.write_text('{"weight_map": ')
    with pytest.raises(ValueError, match='not an index of weights'):
        read_state_dict(path)


def test_folders(tmp_path):
    torch.save(WEIGHTS, tmp_path / 'epoch_1.pth')
    assert equal(read_state_dict(tmp_path))
    torch.save(WEIGHTS, tmp_path / 'epoch_2.pth')
    with pytest.raises(FileNotFoundError, match=r'a folder; name a checkpoint file in it: epoch_1\.pth, epoch_2\.pth'):
        local_file(tmp_path)
    (tmp_path / 'steps').mkdir()
    (tmp_path / 'steps/__0_0.distcp').touch()
    with pytest.raises(FileNotFoundError, match='dcp_to_torch'):
        local_file(tmp_path / 'steps')


def write(kind, path):
    if kind == 'safetensors':
        save_file(WEIGHTS, path)
    elif kind == 'npz':
        with path.open('wb') as file:
            np.savez(file, **{name: value.numpy() for name, value in WEIGHTS.items()})
    else:
        torch.save(WEIGHTS, path, _use_new_zipfile_serialization=kind == 'zip')


@pytest.mark.parametrize('kind', ['safetensors', 'npz', 'zip', 'pickle'])
@pytest.mark.parametrize('name', ['x.safetensors', 'x.pth', 'x.npz', 'x.bin', 'x'])
def test_the_content_says_what_a_file_is(kind, name, tmp_path):
    write(kind, tmp_path / name)
    assert equal(read_state_dict(tmp_path / name))
    assert read_shapes(tmp_path / name)['a.weight'].is_meta


@pytest.mark.parametrize(('content', 'words'), [(b'GGUF\3\0', 'a GGUF file'), (b'\x89HDF\r\n', 'an HDF5 file')])
def test_other_kinds(content, words, tmp_path):
    (tmp_path / 'x.pth').write_bytes(content + bytes(100))
    with pytest.raises(ValueError, match=words):
        read_state_dict(tmp_path / 'x.pth')


@pytest.mark.filterwarnings('ignore::DeprecationWarning')  # of TorchScript altogether
def test_a_program(tmp_path):
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), tmp_path / 'x.pt')
    with pytest.raises(ValueError, match='a TorchScript program, not a checkpoint'):
        convert_file(tmp_path / 'x.pt', tmp_path / 'y.pth')


def test_no_part_is_replaced_by_what_it_becomes(folder):
    path, index, places = folder
    before = (path / places['a.weight']).read_bytes()
    if index.name.startswith('pytorch'):
        target = path / 'part.pth'
        target.hardlink_to(path / places['a.weight'])
    else:
        target = path / places['a.weight']
    with pytest.raises(ValueError, match='is the source itself; give the result another name'):
        convert_file(index, target)
    assert (path / places['a.weight']).read_bytes() == before
