"""A folder with all that a tool needs, small, and the tools in this process: a process a case would take minutes."""

import contextlib
import importlib.util
import logging
import shlex
import shutil
import signal
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmengine.utils import ManagerMeta
from mmseg.registry import MODELS
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
default_scope = 'mmseg'
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', size_divisor=1, mean=[99.0] * 3, std=[58.0] * 3),
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer', img_size=32, patch_size=8, embed_dims=16, num_layers=1, num_heads=2
    ),
    decode_head=dict(type='mmseg_vitseg.LinearPatchHead', in_channels=16, num_classes=3, patch_size=8),
    test_cfg=dict(mode='whole'),
)
load = [dict(type='mmseg_vitseg.LoadImage'), dict(type='mmseg_vitseg.LoadMask', values=(1, 2, 3))]
resize = dict(type='Resize', scale=(32, 32), keep_ratio=False)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmseg_vitseg.OxfordPetDataset',
        data_root='pet',
        ann_file='annotations/trainval.txt',
        pipeline=[*load, resize, dict(type='PackSegInputs')],
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmseg_vitseg.OxfordPetDataset',
        data_root='pet',
        ann_file='annotations/test.txt',
        pipeline=[load[0], resize, load[1], dict(type='PackSegInputs')],
    ),
)
test_evaluator = dict(type='IoUMetric')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
default_hooks = dict(
    checkpoint=dict(type='mmseg_vitseg.AtomicCheckpointHook', interval=1),
    finite_loss=dict(type='mmseg_vitseg.FiniteLossHook'),
)
randomness = dict(seed=0)
"""


class Finished(NamedTuple):
    """What a tool left behind."""

    status: int
    out: str
    err: str


@pytest.fixture(scope='session')
def sound(tmp_path_factory) -> Path:
    """A folder in which every command works: small.py, small.pth of its weights, pet/ of four pairs, photo.png."""
    folder = tmp_path_factory.mktemp('sound')
    (folder / 'small.py').write_text(CONFIG)
    torch.manual_seed(0)
    torch.save(
        {'state_dict': MODELS.build(Config.fromfile(folder / 'small.py').model).state_dict()}, folder / 'small.pth'
    )
    rng = np.random.default_rng(0)
    for place in ('images', 'annotations/trimaps'):
        (folder / 'pet' / place).mkdir(parents=True)
    for name in 'abcd':
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(folder / f'pet/images/{name}.jpg')
        Image.fromarray(rng.integers(1, 4, (30, 40), np.uint8)).save(folder / f'pet/annotations/trimaps/{name}.png')
    (folder / 'pet/annotations/trainval.txt').write_text('a\nb\n')
    (folder / 'pet/annotations/test.txt').write_text('c\nd\n')
    Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(folder / 'photo.png')
    return folder


@pytest.fixture
def folder(sound, tmp_path, monkeypatch) -> Path:
    """A copy of it, to be broken: the working folder."""
    shutil.copytree(sound, tmp_path / 'work')
    monkeypatch.chdir(tmp_path / 'work')
    return tmp_path / 'work'


@pytest.fixture(scope='session')
def tools() -> dict[str, ModuleType]:
    """The files in tools/ as modules: ``test`` is the name of one of Python's own."""
    sys.path.insert(0, str(ROOT / 'tools'))
    found = {}
    for path in (ROOT / 'tools').glob('*.py'):
        spec = importlib.util.spec_from_file_location(
            path.stem if path.stem == '_command' else f'tool_{path.stem}', path
        )
        found[path.stem] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found[path.stem])
    sys.path.remove(str(ROOT / 'tools'))
    return found


@pytest.fixture
def call(tools, monkeypatch, capsys):
    """Run a command line such as ``predict small.py small.pth photo.png --out out``."""
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)  # what the host's log says takes it half a second
    for hook in ('excepthook', 'unraisablehook'):  # which a tool replaces
        monkeypatch.setattr(sys, hook, getattr(sys, hook))

    def run(line: str) -> Finished:
        name, *arguments = shlex.split(line)
        monkeypatch.setattr(sys, 'argv', [f'tools/{name}.py', *arguments])
        capsys.readouterr()
        status = 0
        handlers = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)}
        try:
            with warnings.catch_warnings():
                warnings.resetwarnings()  # as in a process of its own
                tools['_command'].run(tools[name].main)
        except SystemExit as end:
            status = end.code or 0
        finally:
            logging.raiseExceptions = True
            for kind, handler in handlers.items():
                signal.signal(kind, handler)
            forget()
        out, err = capsys.readouterr()
        return Finished(status, out, err)

    return run


def forget() -> None:
    """Close the log files of the Runner and take off what it leaves in the process."""
    for logger in MMLogger._instance_dict.values():
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                with contextlib.suppress(OSError):  # its disk may be full
                    handler.close()
    for kind in _managed():
        kind._instance_dict.clear()
    DefaultScope.get_instance('tests', scope_name='mmseg')


def _managed() -> list[type]:
    from mmengine.logging import MessageHub
    from mmengine.visualization import Visualizer
    from mmseg.visualization import SegLocalVisualizer

    kinds = (MMLogger, MessageHub, Visualizer, SegLocalVisualizer, DefaultScope)
    assert all(isinstance(kind, ManagerMeta) for kind in kinds)
    return list(kinds)
