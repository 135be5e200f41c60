"""Configs made to fit the command line and the devices."""

import inspect

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_vitseg.compat import host_stack
from mmseg_vitseg.config.devices import fit_to_devices
from mmseg_vitseg.config.reading import ConfigError, near_setting, read_config, variable_of
from mmseg_vitseg.engine.running.command_line import enable_amp, load_config, set_outputs
from mmseg_vitseg.engine.running.tta import read_alike, set_tta
from vitseg_tests.paths import config_path


def config(**kwargs) -> Config:
    return Config({'launcher': 'none', 'env_cfg': dict(dist_cfg=dict(backend='nccl')), **kwargs})


NORM = dict(type='SyncBN', requires_grad=True)


def test_sync_bn_becomes_bn_without_a_process_group():
    cfg = config(model=dict(decode_head=dict(norm_cfg=NORM), auxiliary_head=[dict(norm_cfg=NORM), dict(a=1)]))
    fit_to_devices(cfg)
    assert cfg.model.decode_head.norm_cfg.type == 'BN'
    assert cfg.model.auxiliary_head[0].norm_cfg == dict(type='BN', requires_grad=True)


@pytest.mark.parametrize('name', ['mmengine.SyncBN', 'MMSyncBN', 'torch.nn.SyncBatchNorm'])
def test_sync_bn_under_its_other_names(name):
    cfg = config(model=dict(norm_cfg=dict(type=name)))
    fit_to_devices(cfg)
    assert cfg.model.norm_cfg.type == 'BN'


@pytest.mark.parametrize('cuda', [True, False])
def test_processes(monkeypatch, cuda):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    cfg = config(launcher='pytorch', model=dict(decode_head=dict(norm_cfg=NORM)))
    fit_to_devices(cfg)
    assert cfg.model.decode_head.norm_cfg.type == ('SyncBN' if cuda else 'BN')
    assert cfg.env_cfg.dist_cfg.backend == ('nccl' if cuda else 'gloo')
    assert ('model_wrapper_cfg' in cfg) != cuda


@pytest.mark.parametrize(('cuda', 'kind'), [(True, 'AmpOptimWrapper'), (False, 'mmseg_vitseg.CPUAmpOptimWrapper')])
def test_amp(monkeypatch, cuda, kind):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    cfg = config(optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD')))
    enable_amp(cfg)
    assert cfg.optim_wrapper.type == kind
    for other in ('AmpOptimWrapper', 'mmseg_vitseg.CPUAmpOptimWrapper'):  # a config's own, for the other device
        cfg.optim_wrapper.type = other
        enable_amp(cfg)
        assert cfg.optim_wrapper.type == kind
    assert ('loss_scale' in cfg.optim_wrapper) == cuda


def test_what_a_config_leaves_out_is_the_runners_default(tmp_path):
    """None of the host's own configs has `randomness`; many have no `env_cfg` or `default_hooks`."""
    file = tmp_path / 'config.py'
    for text, randomness in (
        ('', dict(seed=None)),
        ('randomness = None', dict(seed=None)),
        ('randomness = dict(deterministic=True)', dict(seed=None, deterministic=True)),
        ('randomness = dict(seed=3)', dict(seed=3)),
    ):
        file.write_text(text)
        cfg = load_config(file, work_dir=tmp_path / 'work')
        assert cfg.randomness == randomness
        assert cfg.env_cfg.dist_cfg.backend == 'nccl'
        assert cfg.default_hooks == {}
        cfg.randomness.seed = 1
    assert inspect.signature(Runner).parameters['randomness'].default == dict(seed=None)  # unharmed


def test_amp_does_not_replace_another_wrapper():
    with pytest.raises(ConfigError, match="'Other'"):
        enable_amp(config(optim_wrapper=dict(type='Other')))
    with pytest.raises(ConfigError, match='no optim_wrapper'):
        enable_amp(config())


def test_work_dir_and_options(tmp_path):
    cfg = load_config(config_path('quickstart'))
    assert cfg.work_dir == 'work_dirs/quickstart'
    cfg = load_config(config_path('quickstart'), options={'train_cfg.max_epochs': 2}, work_dir=str(tmp_path))
    assert (cfg.work_dir, cfg.train_cfg.max_epochs) == (str(tmp_path), 2)


def test_an_option_that_nothing_reads():
    with pytest.raises(
        ConfigError, match=r"optim_wraper\.optimizer\.lr: nothing reads it; did you mean 'optim_wrapper'"
    ):
        load_config(config_path('quickstart'), options={'optim_wraper.optimizer.lr': 1})
    cfg = load_config(config_path('quickstart'), options={'my_own': 1, 'auto_scale_lr.enable': True})
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
    cfg = load_config(tmp_path / 'x.py', work_dir=str(tmp_path))
    assert (variable_of(cfg, cfg.root), variable_of(cfg, cfg.other)) == ('MY_ROOT', None)
    monkeypatch.setenv('MY_ROOT', '/with a blank/ü')
    cfg = load_config(tmp_path / 'x.py', work_dir=str(tmp_path))
    assert (cfg.root, variable_of(cfg, cfg.root)) == ('/with a blank/ü', 'MY_ROOT')


def test_wrong_paths_and_broken_configs(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r'did you mean .*quickstart\.py'):
        load_config(config_path('quikstart'))
    with pytest.raises(FileNotFoundError, match=r'configs are in .*configs'):
        load_config('nowhere/at/all.py')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'did you mean setr_pup_ade20k\?'):
        load_config('setr_pup_ade20')  # by its name, from anywhere
    for text in ('model = dict(', '_base_ = "none.py"', 'a = b'):
        (tmp_path / 'x.py').write_text(text)
        with pytest.raises(ConfigError, match=r'x\.py: cannot be read'):
            load_config(tmp_path / 'x.py')


def test_outputs_and_tta():
    cfg = config(
        test_evaluator=dict(type='IoUMetric'),
        default_hooks=dict(),
        model=dict(type='M'),
        test_dataloader=dict(dataset=dict()),
    )
    set_outputs(cfg, labels='labels', pictures='pictures')
    assert cfg.custom_hooks == [dict(type='mmseg_vitseg.PredictedLabelsHook', folder='labels')]
    assert cfg.default_hooks.visualization.draw
    assert cfg.default_hooks.visualization.folder == 'pictures'
    with pytest.raises(ConfigError, match='tta_pipeline'):
        set_tta(cfg)
    cfg.tta_pipeline, cfg.tta_model = [dict(type='TestTimeAug')], dict(type='SegTTAModel')
    set_tta(cfg)
    assert cfg.model == dict(type='SegTTAModel', module=dict(type='M'))


def test_tta_of_data_sets_in_wrappers_and_of_one_logit():
    steps, one = [dict(type='TestTimeAug')], dict(type='A', pipeline=[dict(type='B')])
    wrapped = dict(type='ConcatDataset', datasets=[dict(type='RepeatDataset', times=2, dataset=one), one])
    model = dict(type='M', decode_head=dict(num_classes=2, out_channels=1))
    cfg = config(
        tta_pipeline=steps,
        tta_model=dict(type='SegTTAModel'),
        model=model,
        test_dataloader=dict(dataset=wrapped),
    )
    set_tta(cfg)
    assert cfg.model == dict(type='mmseg_vitseg.SegTTAModel', module=model)
    first, second = cfg.test_dataloader.dataset.datasets
    assert first.dataset.pipeline == second.pipeline == steps
    assert 'pipeline' not in {**cfg.test_dataloader.dataset, **first}
    for wrong in ([dict(dataset=one)] * 2, dict(dataset=[one, one])):
        cfg.test_dataloader = wrong
        with pytest.raises(ValueError, match=r'a list of 2; allowed: .*ConcatDataset'):
            set_tta(cfg)


def test_tta_reads_as_the_test_pipeline_does():
    flips, pack = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)], [dict(type='PackSegInputs')]
    load, mask = dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')
    steps = [load, dict(type='TestTimeAug', transforms=[flips, [mask], pack])]
    grey, values = dict(load, color_type='grayscale'), dict(type='mmseg_vitseg.LoadMask', values={0: 0, 255: 1})
    other = dict(type='mmseg_vitseg.LoadImage')
    for pipeline, first, branches in (
        ([load, mask, *pack], [load], [flips, [mask], pack]),
        ([grey, other, values, *pack], [grey, other], [flips, [values], pack]),
        ([grey, *pack], [grey], [flips, pack]),  # without truth
        ([dict(type='MyReader'), *pack], [load], [flips, [mask], pack]),
        ([dict(type='MyReader'), values, *pack], [load], [flips, [values], pack]),
        ([grey, values, values], [grey], [flips, [values], [values], pack]),
    ):
        assert read_alike(steps, pipeline) == [*first, dict(type='TestTimeAug', transforms=branches)]


def test_a_folder_for_temporary_files_that_takes_none(monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, 'Permission denied', '/tmp/x')

    monkeypatch.setattr('tempfile.TemporaryDirectory', refuse)
    with pytest.raises(ConfigError, match=r'PermissionError: .*/tmp/x'):
        load_config(config_path('quickstart'))


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
