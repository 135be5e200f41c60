"""Several processes: the same weights as one, by DDP and by FSDP; what FSDP shards, saves and resumes."""

import os
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import CheckpointWrapper
from torch.distributed.fsdp import FullyShardedDataParallel

from mmseg_vitseg.checkpoints.reading import read_checkpoint
from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.engine.resuming.start import set_resume
from mmseg_vitseg.engine.running.command_line import load_config
from mmseg_vitseg.engine.running.runner import build_runner
from mmseg_vitseg.inference.model import load_model
from vitseg_tests.paths import ROOT
from vitseg_tests.ranks import on_ranks

CONFIGS = ROOT / 'configs'

SMALL = """
_base_ = [{bases}]
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[50.0] * 3),
    backbone=dict(img_size=32, patch_size=8, embed_dims=16, num_layers=2, num_heads=2, input_norm=None),
    decode_head=dict(in_channels=16, patch_size=8),
    test_cfg=dict(mode='slide', crop_size=(16, 16), stride=(16, 16)),
)
pipeline = _base_.test_pipeline
train_dataloader = dict(
    batch_size={batch},
    sampler=dict(shuffle=False),
    dataset=dict(length=8, size=32, pipeline=pipeline),
)
val_dataloader = dict(batch_size=2, dataset=dict(length=2, size=32))
train_cfg = dict(max_epochs=3)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.1, momentum=0.9, weight_decay=0.1),
    clip_grad=dict(max_norm=0.05),
    constructor='mmseg_vitseg.ViTLayerDecayConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.8),
)
param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=6)]
default_hooks = dict(progress=None)
log_level = 'ERROR'
"""


def config(folder: Path, name: str, *bases: str, batch: int) -> Path:
    paths = ', '.join(repr(str(CONFIGS / base)) for base in ('quickstart.py', *bases))
    path = folder / f'{name}.py'
    path.write_text(SMALL.format(bases=paths, batch=batch))
    return path


def train(path: Path, launcher: str, work_dir: Path, resume: Path | None = None) -> list[str]:
    """Train, and name the model's parts that FSDP shards or that are computed again."""
    cfg = load_config(path, work_dir=str(work_dir), launcher=launcher)
    if launcher == 'pytorch':  # processes have different numbers of windows
        cfg.val_dataloader.dataset.size += 16 * int(os.environ['RANK'])
    set_resume(cfg, resume and str(resume))
    runner = build_runner(cfg)
    runner.train()
    return [
        f'{type(part).__name__} {name}'
        for name, part in runner.model.named_modules()
        if isinstance(part, (FullyShardedDataParallel, CheckpointWrapper))
    ]


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A folder of work dirs, and what each process says of its model's parts."""
    tmp_path = tmp_path_factory.mktemp('trained')
    one, ddp = config(tmp_path, 'one', batch=4), config(tmp_path, 'two', batch=2)
    fsdp = config(tmp_path, 'shared_out', '_base_/fsdp.py', batch=2)
    runs = {
        'one': on_ranks(1, partial(train, one, 'none', tmp_path / 'one')),
        'ddp': on_ranks(2, partial(train, ddp, 'pytorch', tmp_path / 'ddp')),
        'fsdp': on_ranks(2, partial(train, fsdp, 'pytorch', tmp_path / 'fsdp')),
        'resumed': on_ranks(2, partial(train, fsdp, 'pytorch', tmp_path / 'resumed', tmp_path / 'fsdp/epoch_2.pth')),
    }
    return tmp_path, runs


def test_a_head_on_a_frozen_backbone(tmp_path):
    """Processes train it as one does: no parameter without a gradient is waited for."""
    runs = dict(one=(1, 4, 'none'), ddp=(2, 2, 'pytorch'), fsdp=(2, 2, 'pytorch'))
    for name, (count, batch, launcher) in runs.items():
        path = config(tmp_path, f'{name}_frozen', *(['_base_/fsdp.py'] if name == 'fsdp' else []), batch=batch)
        path.write_text(path.read_text().replace('backbone=dict(', 'backbone=dict(frozen=True, '))
        said = on_ranks(count, partial(train, path, launcher, tmp_path / name))
        assert all(isinstance(parts, list) for parts in said), said
    states = {name: last(tmp_path / name) for name in runs}
    for state in states.values():
        assert len(state['optimizer']['state']) == 2  # of the head's weight and bias
        torch.testing.assert_close(dict(state['state_dict']), dict(states['one']['state_dict']))


def start(path: Path, folder: Path) -> None:
    """Be about to resume from a work dir of this process's own."""
    cfg = load_config(path, work_dir=str(folder / os.environ['RANK']), launcher='pytorch')
    set_resume(cfg, 'auto')
    build_runner(cfg)


def test_processes_that_would_not_start_alike(trained):
    """Machines whose work dirs are not on one disk: one has the checkpoint, the other starts from scratch."""
    folder, _ = trained
    (folder / 'apart/0').mkdir(parents=True)
    shutil.copy(folder / 'ddp/epoch_2.pth', folder / 'apart/0')
    for said in on_ranks(2, partial(start, folder / 'two.py', folder / 'apart')):
        assert 'ConfigError: processes would not start alike, rank 0 from epoch_2.pth, rank 1 from scratch' in said


def last(folder: Path) -> dict:
    return read_checkpoint(folder / 'epoch_3.pth')


def test_processes_train_as_one_does(trained):
    folder, runs = trained
    assert runs['one'] + runs['ddp'] == [[], [], []]
    for parts in runs['fsdp'] + runs['resumed']:
        assert [part.replace('_fsdp_wrapped_module', '').replace('..', '.') for part in parts] == [
            'MMFullyShardedDataParallel ',
            'FullyShardedDataParallel .backbone.blocks.0',
            'CheckpointWrapper .backbone.blocks.0.',
            'FullyShardedDataParallel .backbone.blocks.1',
            'CheckpointWrapper .backbone.blocks.1.',
        ]
    one, before = last(folder / 'one')['state_dict'], read_checkpoint(folder / 'one/epoch_2.pth')['state_dict']
    assert all(not torch.equal(value, before[name]) for name, value in one.items())  # they do learn
    for name in ('ddp', 'fsdp'):
        other = last(folder / name)
        assert (other['meta']['epoch'], other['meta']['iter']) == (3, 6)
        assert other['state_dict'].keys() == one.keys()
        torch.testing.assert_close(dict(other['state_dict']), dict(one))


def test_a_sharded_training_is_resumed_and_used(trained):
    folder, _ = trained
    whole, resumed = last(folder / 'fsdp'), last(folder / 'resumed')
    torch.testing.assert_close(dict(resumed['state_dict']), dict(whole['state_dict']), rtol=0, atol=0)
    torch.testing.assert_close(resumed['optimizer']['state'], whole['optimizer']['state'], rtol=0, atol=0)
    model = load_model(folder / 'shared_out.py', folder / 'fsdp/epoch_3.pth')
    torch.testing.assert_close(dict(model.state_dict()), dict(whole['state_dict']), rtol=0, atol=0)
    assert not list(folder.rglob('.tmp-*'))


def test_one_process_shards_nothing(tmp_path):
    with pytest.raises(ConfigError, match='several processes'):
        train(config(tmp_path, 'alone', '_base_/fsdp.py', batch=2), 'none', tmp_path)


@pytest.mark.parametrize(
    ('setting', 'words'),
    [
        ("model_wrapper=dict(sharding_strategy='FULL_SHARD')", "test_cfg.mode='slide': processes would wait"),
        ("state_dict_cfg='local'", "state_dict_cfg is not 'full'"),
    ],
)
def test_what_would_hang_or_be_lost(setting, words, tmp_path):
    path = config(tmp_path, 'refused', '_base_/fsdp.py', batch=2)
    path.write_text(path.read_text() + f'strategy = dict({setting})\n')
    assert all(words in answer for answer in on_ranks(2, partial(train, path, 'pytorch', tmp_path / 'refused')))


def test_optimizers_of_whole_models_are_refused(trained):
    folder, _ = trained
    resume = partial(train, folder / 'shared_out.py', 'pytorch', folder / 'mixed', folder / 'ddp/epoch_2.pth')
    assert all('--cfg-options load_from=FILE' in answer for answer in on_ranks(2, resume))
