"""Configs as they are read: what is changed in them, and what is said of one that cannot be."""

import pytest

from mmseg_vitseg.compat import host_stack
from mmseg_vitseg.config.reading import ConfigError, near_setting, read_config, variable_of
from vitseg_tests.paths import config_path


def test_an_option_that_nothing_reads():
    with pytest.raises(
        ConfigError, match=r"optim_wraper\.optimizer\.lr: nothing reads it; did you mean 'optim_wrapper'"
    ):
        read_config(config_path('quickstart'), options={'optim_wraper.optimizer.lr': 1})
    cfg = read_config(config_path('quickstart'), options={'my_own': 1, 'auto_scale_lr.enable': True})
    assert (cfg.my_own, cfg.auto_scale_lr.enable) == (1, True)


@pytest.mark.parametrize(
    ('name', 'meant'), [('load_form', 'load_from'), ('models', 'model'), ('default_hook', 'default_hooks')]
)
def test_a_misspelling(name, meant):
    assert near_setting(name) == meant


@pytest.mark.parametrize(
    'name', ['model', 'train_pipeline', 'tta_model', 'vis_backends', 'data', 'optimizer', 'crop_size']
)
def test_a_name_of_its_own(name):
    assert near_setting(name) is None


def test_the_variable_behind_a_setting(tmp_path, monkeypatch):
    monkeypatch.delenv('MY_ROOT', raising=False)
    (tmp_path / 'x.py').write_text("model = dict()\nroot = '{{$MY_ROOT:data/mine}}'\nother = 'data'")
    cfg = read_config(tmp_path / 'x.py')
    assert (variable_of(cfg, cfg.root), variable_of(cfg, cfg.other)) == ('MY_ROOT', None)
    monkeypatch.setenv('MY_ROOT', '/with a blank/ü')
    cfg = read_config(tmp_path / 'x.py')
    assert (cfg.root, variable_of(cfg, cfg.root)) == ('/with a blank/ü', 'MY_ROOT')


def test_wrong_paths_and_broken_configs(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r'did you mean .*quickstart\.py'):
        read_config(config_path('quikstart'))
    for name in ('nowhere/at/all.py', 'nope.py'):  # as like fcn_pet.py as four letters and .py are
        with pytest.raises(FileNotFoundError, match=r'configs are in .*configs'):
            read_config(name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'did you mean setr_pup_ade20k\?'):
        read_config('setr_pup_ade20')  # by its name, from anywhere
    for text in ('model = dict(', '_base_ = "none.py"', 'a = b'):
        (tmp_path / 'x.py').write_text(text)
        with pytest.raises(ConfigError, match=r'x\.py: cannot be read'):
            read_config(tmp_path / 'x.py')


def test_a_folder_for_temporary_files_that_takes_none(monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, 'Permission denied', '/tmp/x')

    monkeypatch.setattr('tempfile.TemporaryDirectory', refuse)
    with pytest.raises(ConfigError, match=r'PermissionError: .*/tmp/x'):
        read_config(config_path('quickstart'))


@pytest.mark.parametrize(
    ('module', 'words'),
    [
        (
            'import not_to_be_found',
            "ModuleNotFoundError: No module named 'not_to_be_found'; install not_to_be_found, or name",
        ),
        ('from os import nothing', 'ImportError: cannot import name .nothing. from .os.'),
    ],
)
def test_custom_imports_that_fail_say_which_and_why(tmp_path, monkeypatch, module, words):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'brought_along.py').write_text(module)
    (tmp_path / 'config.py').write_text("custom_imports = dict(imports=['brought_along'])")
    with pytest.raises(
        ConfigError, match=rf'cannot be read: custom_imports: brought_along cannot be imported: {words}'
    ):
        read_config(tmp_path / 'config.py')


def test_an_error_of_several_lines_is_not_cut_off(tmp_path):
    (tmp_path / 'config.py').write_text(r"raise RuntimeError('one\n  two')")
    with pytest.raises(ConfigError, match=r'RuntimeError: one two$'):
        read_config(tmp_path / 'config.py')


def test_the_hosts_configs_by_their_package(tmp_path):
    if host_stack() != 'onedl':
        pytest.skip("OpenMMLab's mmengine finds them itself, where setuptools is older than 81")
    (tmp_path / 'config.py').write_text(
        "_base_ = 'mmseg::_base_/models/setr_pup.py'\nmodel = dict(decode_head=dict(num_convs=3))"
    )
    head = read_config(tmp_path / 'config.py').model.decode_head
    assert (head.type, head.num_convs, head.num_classes) == ('SETRUPHead', 3, 19)
