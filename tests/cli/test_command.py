"""``mmseg-vitseg NAME``: what it lists, what it calls, and the configs that it brings."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_vitseg.cli.called import command_line
from mmseg_vitseg.cli.command import COMMANDS, chosen_command
from mmseg_vitseg.cli.compare import titles
from mmseg_vitseg.config.shipped import FOLDER

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


def test_every_command_is_listed_and_has_a_door():
    doors = {path.stem for path in TOOLS.glob('[a-z]*.py')}
    assert doors == COMMANDS.keys() - {'configs', 'doctor', 'launch'}


def test_help_is_a_line_for_each_and_imports_nothing_heavy(tmp_path):
    code = (
        'import sys\nfrom mmseg_vitseg.cli.command import main\ntry:\n    main()\nfinally:\n'
        "    assert not {'torch', 'mmengine', 'mmseg', 'numpy'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, '-c', code, '--help'], capture_output=True, text=True, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, '')
    lines = result.stdout.splitlines()
    for name, text in COMMANDS.items():
        assert any(line.split() == [name, *text.split()] for line in lines), name


def test_a_command_explains_itself_as_it_was_called(call):
    status, out, _ = call('mmseg-vitseg train --help')
    assert status == 0
    assert out.startswith('usage: mmseg-vitseg train ')
    assert 'mmseg-vitseg train quickstart --resume' in out
    assert 'python tools' not in out


def test_a_command_to_type_again_has_the_settings_of_its_environment(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tools/benchmark.py', '--suite', 'SETR PUP'])
    monkeypatch.setenv('A', '1')
    monkeypatch.delenv('B', raising=False)
    assert command_line(['A', 'B']) == "A=1 python tools/benchmark.py --suite 'SETR PUP'"
    assert command_line() == "python tools/benchmark.py --suite 'SETR PUP'"


@pytest.mark.parametrize(
    ('line', 'said'),
    [
        ('tran x.py', "error: tran: no such command; did you mean 'train'?; see mmseg-vitseg --help"),
        (
            'check-config x.py',
            "error: check-config: no such command; did you mean 'check_config'?; see mmseg-vitseg --help",
        ),
        ('xyzzy', 'error: xyzzy: no such command; see mmseg-vitseg --help'),
        ('', 'error: the following arguments are required: NAME; see mmseg-vitseg --help'),
        ('train', 'error: the following arguments are required: CONFIG; see mmseg-vitseg train --help'),
        ('train quickstrat', 'error: quickstrat: no such config; did you mean '),
        ('launch', 'error: the following arguments are required: training_script'),
        ('launch train x', 'error: train: no such file; one of our commands is launched as -m mmseg_vitseg NAME'),
    ],
)
def test_mistakes_are_one_line(call, line, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = call(f'mmseg-vitseg {line}')
    assert (status, len(err.splitlines())) == (2, 1), err
    assert err.startswith(said)


def test_what_follows_the_name_is_the_commands():
    assert chosen_command(['train', 'x.py', '--help']) == ('train', ['x.py', '--help'])


def test_configs_are_listed(call):
    lines = call('configs').out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(path.stem for path in FOLDER.glob('*.py'))
    assert all(len(line.split()) > 3 for line in lines), 'each says what it is'


def test_configs_are_copied_once(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('mine/_base_').mkdir(parents=True)
    assert call('configs --copy mine').status == 0
    names = [{path.relative_to(folder) for path in folder.rglob('*.py')} for folder in (FOLDER, Path('mine'))]
    assert names[0] == names[1]
    assert call('check_config mine/quickstart.py').status == 0
    Path('mine/quickstart.py').unlink()
    said = call('configs --copy mine')
    assert said.status == 2
    assert 'mine/_base_/datasets/ade20k.py: is there already; nothing is copied' in said.err
    assert not Path('mine/quickstart.py').exists()


@pytest.mark.parametrize(
    ('a', 'b', 'named'),
    [
        (['configs/fcn_pet.py', 'x.pth'], ['configs/setr_pup_pet.py', 'x.pth'], ('fcn_pet', 'setr_pup_pet')),
        (['a/quickstart.py', 'epoch_1.pth'], ['quickstart.py', 'epoch_2.pth'], ('epoch_1', 'epoch_2')),
        (['quickstart.py', 'a/epoch_1.pth'], ['quickstart.py', 'b/epoch_1.pth'], ('A', 'B')),
    ],
)
def test_models_that_are_compared_have_two_names(a, b, named):
    assert titles(a, b) == named
