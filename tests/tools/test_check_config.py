"""The tool as a user runs it, and the same checks at the start of train.py."""

import importlib
import sys

import pytest

from mmseg_vitseg.config.reading import ConfigError
from vitseg_tests.paths import ROOT, config_path

TOOLS = ROOT / 'tools'


@pytest.fixture
def call(monkeypatch, tmp_path):
    """Run a tool's main in this process, in an empty folder; returns its exit status."""

    def run(name: str, *args) -> int:
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(TOOLS))
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        try:
            importlib.import_module(name).main()
        except SystemExit as status:
            return status.code
        return 0

    return run


def test_findings_and_exit_status(call, capsys):
    assert call('check_config', config_path('quickstart'), '--data') == 0
    assert capsys.readouterr().out.endswith('quickstart.py: nothing found\n')
    options = ['--cfg-options', 'model.decode_head.num_classes=3', 'train_cfg.max_epochs=9']
    assert call('check_config', config_path('quickstart'), *options) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ['error: model.decode_head.num_classes', '  3, and ShapesDataset has 4 classes']
    assert lines[3].startswith('  fix: model.decode_head.num_classes=4')
    assert 'warning: param_scheduler.1.end' in lines
    assert lines[-1].endswith('quickstart.py: errors 1, warnings 1')


def test_one_device_is_an_option(call, capsys):
    scratch = ['--cfg-options', 'model.backbone.init_cfg=None']
    assert call('check_config', config_path('setr_pup_cityscapes'), *scratch) == 0
    assert call('check_config', config_path('setr_pup_cityscapes'), '--launcher', 'none', *scratch) == 1
    assert 'train_dataloader.batch_size' in capsys.readouterr().out


def test_what_cannot_be_read(call, tmp_path):
    (tmp_path / 'broken.py').write_text('model = dict(')
    with pytest.raises(ConfigError, match='cannot be read'):  # which ends the tool with status 2
        call('check_config', 'broken.py')


def test_training_does_not_start_on_an_error(call, capsys, tmp_path):
    options = ['--cfg-options', 'model.decode_head.num_classes=3', 'train_cfg.max_epochs=9']
    assert call('train', config_path('quickstart'), '--work-dir', 'out', *options) == 2
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith('error: model.decode_head.num_classes: 3, and ShapesDataset has 4 classes')
    assert line.endswith('--no-check goes on]')
    assert 'warning: param_scheduler.1.end' in said.out
    assert list((tmp_path / 'out').iterdir()) == [], 'nothing was built'


def test_warnings_and_no_check_go_on(call, capsys, monkeypatch):
    built = []

    def build_runner(cfg):
        built.append(cfg)
        raise KeyboardInterrupt

    monkeypatch.setattr('mmseg_vitseg.engine.running.launch.build_runner', build_runner)
    wrong = ['--cfg-options', 'model.decode_head.num_classes=3']
    assert call('train', config_path('quickstart'), *wrong) == 2
    for options in (['--no-check', *wrong], ['--cfg-options', 'train_cfg.max_epochs=9']):
        capsys.readouterr()
        with pytest.raises(KeyboardInterrupt):
            call('train', config_path('quickstart'), *options)
        assert ('warning: param_scheduler.1.end' in capsys.readouterr().out) == ('--no-check' not in options)
    assert len(built) == 2
