"""tools/benchmark.py and tools/upgrade_config.py as a user meets them."""

import json
import shlex
from importlib import resources

import pytest

from vitseg_tests.paths import config_path
from vitseg_tests.user_errors import check_user_error

HOST = resources.files('mmseg') / '.mim/configs'
TINY = [
    'model.backbone.embed_dims=8',
    'model.backbone.num_layers=1,1,1,1',
    'model.decode_head.in_channels=8,16,40,64',
    'model.decode_head.channels=16',
]


@pytest.mark.slow
def test_a_model_against_its_twins(run_tool, tmp_path):
    config = config_path('segformer_b0_ade20k')
    flags = ['--shape', 64, 64, '--repeats', 2, '--threads', 1, '--device', 'cpu']
    files = ['--json', 'out.json', '--plot', 'out.png']
    result = run_tool('benchmark.py', config, '--against', 'stock', 'hf', *flags, *files, '--cfg-options', *TINY)
    assert result.stderr == 'measuring segformer_b0_ade20k, predict\n'
    found = json.loads(result.stdout.splitlines()[-1])
    assert found == json.loads((tmp_path / 'out.json').read_text())
    assert found['threads'] == 1
    assert [row['variant'].split(':')[0] for row in found['rows']] == ['ours', 'stock', 'hf']
    assert found['rows'][2]['labels_agree'] == 1 or 'transformers' in found['rows'][2]['variant']
    assert result.stdout.startswith('device cpu')
    assert '| config | variant |' in result.stdout
    assert (tmp_path / 'out.png').stat().st_size > 1000
    assert not (tmp_path / 'work_dirs').exists()


@pytest.mark.slow
def test_mistakes_are_one_line(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'empty.py').write_text('data_root = 1\n')
    config = config_path('quickstart')
    for arguments, words in (
        ([], ['no CONFIG']),
        (['--suite', '', config], ['--suite has its own']),
        (['--suite', config], ['no such model', 'SegFormer-B0']),
        ([config, '--shape', '64', '0'], ['at least 1']),
        ([config, '--mode', 'guess'], ['--mode', 'predict']),
        ([config, '--device', 'teapot'], ['--device teapot']),
        ([config, '--float32-matmul-precision', 'tf32'], ["float32_matmul_precision='tf32'", "'high'"]),
        ([config, '--json', 'nowhere/out.json'], ['nowhere/out.json', 'folder']),
        (['quickstar.py'], ['quickstar.py: no such config']),
        ([config, '--against', 'host'], ['--against host', "'stock', 'hf'"]),
        (['empty.py'], ['empty.py: has no model']),
    ):
        found = call(shlex.join(['benchmark', *map(str, arguments)]))
        assert (found.status, len(found.err.splitlines())) == (2, 1), found
        assert all(word in found.err for word in words)


@pytest.mark.slow
def test_upgrade_config(run_tool, tmp_path):
    host = HOST / 'segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py'
    result = run_tool('upgrade_config.py', host, 'mine.py', '--shape', 64, 64)
    assert 'model.decode_head: SegformerHead -> mmseg_vitseg.SegformerHead' in result.stdout
    assert '100.00% of the labels are the same' in result.stdout
    assert "type='mmseg_vitseg.SegformerHead'" in (tmp_path / 'mine.py').read_text()
    for arguments, words in (
        ([host, 'mine.py'], ['mine.py: is there already', '--force']),
        ([host, 'mine.txt'], ['.py']),
        ([host, 'nowhere/mine.py'], ['folder does not exist']),
        (['nothing.py', 'other.py'], ['nothing.py: no such config']),
    ):
        check_user_error(run_tool('upgrade_config.py', *arguments, check=False), *words)
