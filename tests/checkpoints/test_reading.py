import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmseg_vitseg.checkpoints.reading import read_checkpoint, read_state_dict

WEIGHTS = {'a.weight': torch.arange(6.0).reshape(2, 3), 'a.bias': torch.ones(2, dtype=torch.float16)}


class Payload:
    """Would create a file if anything unpickled it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


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
    with pytest.raises(ValueError, match='objects other than tensors'):
        read_checkpoint(tmp_path / 'x.pth')
    (tmp_path / 'y.pth').write_bytes(pickle.dumps({'model': Payload(mark)}))
    with pytest.raises(ValueError):
        read_checkpoint(tmp_path / 'y.pth')
    assert not mark.exists()


def damaged(path, content: bytes, share: float = 1.0):
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize('name', ['x.pth', 'x.safetensors'])
@pytest.mark.parametrize(
    ('content', 'words'),
    [(b'', 'empty'), (b'<html>404 Not Found</html>', 'not a'), (b'\0' * 1000, 'not a'), ('half', 'damaged')],
)
def test_bad_files_are_named(name, content, words, tmp_path):
    path = tmp_path / name
    if content == 'half':
        save_file(WEIGHTS, path) if name.endswith('safetensors') else torch.save(WEIGHTS, path)
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
