"""The command as a user runs it, and the same checks at the start of train."""

import pytest

WRONG = '--cfg-options model.decode_head.num_classes=3'
LONGER = 'train_cfg.max_epochs=9'  # than the schedule: a warning


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_findings_and_exit_status(call):
    found = call('check_config quickstart --data')
    assert found.status == 0
    assert found.out.endswith('quickstart: nothing found\n')
    found = call(f'check_config quickstart {WRONG} {LONGER}')
    assert found.status == 1
    lines = found.out.splitlines()
    assert lines[:2] == ['error: model.decode_head.num_classes', '  3, and ShapesDataset has 4 classes']
    assert lines[3].startswith('  fix: model.decode_head.num_classes=4')
    assert 'warning: param_scheduler.1.end' in lines
    assert lines[-1] == 'quickstart: errors 1, warnings 1'


def test_one_device_is_an_option(call):
    scratch = '--cfg-options model.backbone.init_cfg=None'
    assert call(f'check_config setr_pup_cityscapes {scratch}').status == 0
    found = call(f'check_config setr_pup_cityscapes --launcher none {scratch}')
    assert found.status == 1
    assert 'train_dataloader.batch_size' in found.out


def test_what_cannot_be_read(call, tmp_path):
    (tmp_path / 'broken.py').write_text('model = dict(')
    found = call('check_config broken.py')
    assert found.status == 2
    assert 'broken.py: cannot be read' in found.err


def test_training_does_not_start_on_an_error(call, tmp_path):
    found = call(f'train quickstart --work-dir out {WRONG} {LONGER}')
    assert found.status == 2
    (line,) = found.err.splitlines()
    assert line.startswith('error: model.decode_head.num_classes: 3, and ShapesDataset has 4 classes')
    assert line.endswith('--no-check goes on]')
    assert 'warning: param_scheduler.1.end' in found.out
    assert list((tmp_path / 'out').iterdir()) == [], 'nothing was built'


@pytest.mark.parametrize(
    ('options', 'built', 'warned'),
    [
        (WRONG, False, False),
        (f'--no-check {WRONG}', True, False),
        (f'--cfg-options {LONGER}', True, True),
    ],
)
def test_warnings_and_no_check_go_on(call, monkeypatch, options, built, warned):
    def build_runner(cfg):
        raise KeyboardInterrupt

    monkeypatch.setattr('mmseg_vitseg.engine.running.runner.build_runner', build_runner)
    found = call(f'train quickstart {options}')
    assert found.status == (130 if built else 2)
    assert ('warning: param_scheduler.1.end' in found.out) == warned
