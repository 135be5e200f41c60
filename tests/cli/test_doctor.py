"""What the doctor says of this environment, and of ones in which something is missing."""

import json
import tempfile
from importlib import metadata, util

import pytest
import torch

from mmseg_vitseg.cli import doctor, installed
from mmseg_vitseg.config.shipped import data_roots


@pytest.fixture
def examine(call, monkeypatch, tmp_path):
    """Run it in an empty folder without variables; returns the status and the lines by their names."""
    monkeypatch.chdir(tmp_path)
    for name in data_roots():
        monkeypatch.delenv(name, raising=False)

    def run() -> tuple[int, dict]:
        result = call('doctor --json --quick')
        assert result.err == ''
        return result.status, {line['name']: line for line in json.loads(result.out)}

    return run


def test_this_environment(examine, call):
    status, found = examine()
    assert status == 0
    assert found['MMSegmentation']['state'] == 'ok'
    assert found['PET_ROOT'] == dict(
        name='PET_ROOT',
        state='optional',
        found='not set; data/oxford-iiit-pet is no folder',
        do='PET_ROOT=FOLDER says where the data set is',
    )
    assert [line.split()[1] for line in call('doctor --quick').out.splitlines()[:2]] == ['mmseg_vitseg', 'torch']


def test_no_host(examine, monkeypatch):
    version, find_spec = metadata.version, util.find_spec

    def without_host(name):
        if 'mm' in name:
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, 'version', without_host)
    monkeypatch.setattr(util, 'find_spec', lambda name: None if name.startswith('mm') else find_spec(name))
    status, found = examine()
    assert status == 1
    assert 'Run: pip install' in found['MMSegmentation']['found']
    assert found['mmcv operators']['state'] == 'optional'


def test_a_root_that_is_wrong(examine, monkeypatch):
    monkeypatch.setenv('CAMVID_ROOT', '/nowhere')
    status, found = examine()
    assert (status, found['CAMVID_ROOT']['state']) == (1, 'wrong')


def test_a_data_set_in_its_default_place(examine, tmp_path):
    (tmp_path / 'data/oxford-iiit-pet').mkdir(parents=True)
    status, found = examine()
    assert (status, found['PET_ROOT']['state']) == (0, 'ok')


def test_what_an_extra_is_for(examine, monkeypatch):
    find_spec = util.find_spec
    monkeypatch.setattr(util, 'find_spec', lambda name: None if name == 'onnxscript' else find_spec(name))
    status, found = examine()
    assert status == 0
    assert found['onnxscript']['do'] == 'for export --format onnx: pip install onnxscript'


@pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU is named instead')
@pytest.mark.parametrize(
    ('vendor', 'variable', 'is_told'),
    [('AuthenticAMD', None, True), ('AuthenticAMD', '0', False), ('GenuineIntel', None, False), (None, None, False)],
)
def test_where_onednn_is_faster(examine, monkeypatch, tmp_path, vendor, variable, is_told):
    if vendor:
        (tmp_path / 'cpuinfo').write_text(f'vendor_id\t: {vendor}\n')
    monkeypatch.setattr(installed, 'CPUS', tmp_path / 'cpuinfo')
    monkeypatch.delenv('MMSEG_VITSEG_ONEDNN', raising=False)
    if variable:
        monkeypatch.setenv('MMSEG_VITSEG_ONEDNN', variable)
    _, found = examine()
    assert ('MMSEG_VITSEG_ONEDNN=1' in found['device']['do']) == is_told


def test_temporary_files_cannot_be_written(examine, monkeypatch):
    def fail(**_):
        raise OSError('Read-only file system')

    monkeypatch.setattr(tempfile, 'TemporaryFile', fail)
    status, found = examine()
    assert (status, found['temporary files']['found']) == (1, 'Read-only file system')


def test_downloads_cannot_be_kept(examine, monkeypatch, tmp_path):
    def fail(*, dir=None):
        if dir:
            raise OSError(f'Read-only file system: {dir}')
        return tempfile.SpooledTemporaryFile()

    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'not/made/yet'))
    monkeypatch.setattr(tempfile, 'TemporaryFile', fail)
    status, found = examine()
    assert (status, found['downloads']['found']) == (1, f'Read-only file system: {tmp_path}')
    assert found['temporary files']['state'] == 'ok'
    assert not (tmp_path / 'not').exists()


def test_a_screen_to_copy(call, monkeypatch, tmp_path):
    """With the self-test itself, and with as much missing as may be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(installed.util, 'find_spec', lambda name: None)
    status, out, err = call('doctor')
    assert (status, err) == (0, '')
    lines = out.splitlines()
    assert max(map(len, lines)) <= doctor.COLUMNS
    assert len(lines) <= 36
    assert 'equal MMSegmentation' in ' '.join(out.split())


@pytest.fixture
def tested(monkeypatch):
    """The devices that the self-test is called on; it finds nothing, or what is put into the second list."""
    devices, wrong = [], []
    monkeypatch.setattr(
        'mmseg_vitseg.benchmark.self_test.self_test', lambda device: [devices.append(device), *wrong][1:]
    )
    return devices, wrong


def test_what_the_self_test_finds(call, tested):
    tested[1].append("SegFormer, prediction: differs from MMSegmentation's by 3.0e-02")
    status, out, _ = call('doctor')
    assert (status, tested[0]) == (1, ['cpu'])
    text = ' '.join(out.split())
    assert "wrong self-test cpu SegFormer, prediction: differs from MMSegmentation's by 3.0e-02; report it" in text


def test_a_gpu_is_named_and_tested(call, tested, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda index: 'NVIDIA H200')
    status, out, _ = call('doctor')
    assert (status, tested[0]) == (0, ['cpu', 'cuda'])
    assert ': 2 x NVIDIA H200; triton ' in out


def test_not_tested_without_a_host(call, tested, monkeypatch):
    def fail():
        raise OSError('libGL.so.1: cannot open shared object file')

    monkeypatch.setattr('mmseg_vitseg.cli.starting.import_host', fail)
    status, out, _ = call('doctor')
    assert (status, tested[0]) == (1, [])
    assert 'not run: OSError: libGL.so.1' in out
    monkeypatch.setattr('mmseg_vitseg.cli.doctor.host', lambda: doctor.Line('MMSegmentation', doctor.WRONG, 'none'))
    assert 'not run, for want of MMSegmentation' in call('doctor').out
