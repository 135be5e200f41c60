"""Resuming a loop of iterations."""

from functools import partial
from pathlib import Path

import pytest

from mmseg_vitseg.engine.resuming.start import set_resume
from mmseg_vitseg.engine.running.command_line import load_config
from mmseg_vitseg.engine.running.runner import build_runner
from vitseg_tests.logs import losses
from vitseg_tests.paths import config_path
from vitseg_tests.ranks import on_ranks

TRAINING = """
_base_ = '{config}'
model = dict(backbone=dict(img_size=32, embed_dims=16, num_layers=1, num_heads=2), decode_head=dict(in_channels=16))
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False, sampler=dict(type='InfiniteSampler'), dataset=dict(size=32)
)
val_dataloader, val_cfg, val_evaluator = None, None, None
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=6)
param_scheduler = None
default_hooks = dict(
    checkpoint=dict(type='mmseg_vitseg.AtomicCheckpointHook', by_epoch=False, interval=3, save_best=None),
    logger=dict(interval=1),
    progress=None,
)
"""


def train(config: Path, work_dir: Path, resume: Path | None) -> None:
    cfg = load_config(config, work_dir=str(work_dir))
    set_resume(cfg, resume and str(resume))
    build_runner(cfg).train()


@pytest.mark.parametrize('skips', [True, False], ids=['by the sampler', 'by loading'])
def test_it_is_exact_however_the_host_skips_what_was_trained_on(tmp_path, monkeypatch, skips):
    """OpenMMLab's loop loads it; so does the maintained one, where a sampler cannot skip."""
    if not skips:
        for name, value in (('_resolve_sampler', None), ('_can_skip_without_loading', False)):
            place = f'mmengine.runner.loops._InfiniteDataloaderIterator.{name}'
            monkeypatch.setattr(place, lambda self, value=value: value, raising=False)
    (tmp_path / 'small.py').write_text(TRAINING.format(config=config_path('quickstart')))
    for name, resume in (('whole', None), ('resumed', tmp_path / 'whole/iter_3.pth')):
        assert on_ranks(1, partial(train, tmp_path / 'small.py', tmp_path / name, resume)) == [None]
    assert len(losses(tmp_path / 'whole')) == 6
    assert losses(tmp_path / 'resumed') == losses(tmp_path / 'whole')[3:]
