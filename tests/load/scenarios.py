"""The project at work for long, in one process, measured after each step: what a leak would show in.

    python tests/load/scenarios.py folder mit setr windows --out curve.json --plot curve.png
    python tests/load/scenarios.py train --steps 200 --out curve.json --plot curve.png

Each scenario samples the process once a step: a picture predicted, or an epoch trained and validated. ``folder`` can only
be the first. The tests beside this file run the same. Pictures are drawn here: blocks of random colours.
"""

import argparse
import contextlib
import ctypes
import gc
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import warnings
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEBIBYTE = 2**20
SMALLEST, LARGEST = 60, 900  # pixels of the pictures' sides

MODEL = """
default_scope = 'mmseg'
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', mean=[99.0] * 3, std=[58.0] * 3, bgr_to_rgb=True),
    backbone=dict(%(backbone)s),
    decode_head=dict(%(head)s, num_classes=19),
    test_cfg=dict(%(test)s),
)
test_dataloader = dict(
    dataset=dict(
        type='CityscapesDataset',  # for its classes; there are no data
        data_root='nowhere',
        data_prefix=dict(img_path='pictures', seg_map_path='masks'),
        pipeline=[dict(type='mmseg_vitseg.LoadImage'), dict(type='PackSegInputs')],
    )
)
"""
MIT = dict(
    backbone="type='mmseg_vitseg.MixVisionTransformer', embed_dims=8, num_layers=[1] * 4, num_heads=[1, 2, 4, 8]",
    head="type='mmseg_vitseg.SegformerHead', in_channels=[8, 16, 32, 64], in_index=[0, 1, 2, 3], channels=16",
    test="mode='whole'",
)
MODELS = dict(
    mit=MIT,
    setr=dict(
        backbone="type='mmseg_vitseg.VisionTransformer', img_size=224, embed_dims=32, num_layers=2, num_heads=2",
        head="type='mmseg_vitseg.SETRUPHead', in_channels=32, channels=16, num_convs=4, up_scale=2",
        test="mode='whole'",
    ),
    windows=dict(MIT, test="mode='slide', crop_size=(256, 256), stride=(170, 170)"),
)
TRAINING = """
_base_ = '%(root)s/configs/quickstart.py'
model = dict(
    backbone=dict(img_size=32, embed_dims=16, num_layers=1, num_heads=2), decode_head=dict(in_channels=16)
)
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(length=4, size=32))
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(length=6, size=32))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=%(steps)d, val_interval=1)
default_hooks = dict(
    checkpoint=dict(type='mmseg_vitseg.AtomicCheckpointHook', interval=1, max_keep_ckpts=2), logger=dict(interval=1)
)
custom_hooks = [dict(type='SamplingHook', priority='LOWEST')]
"""


class Mallinfo(ctypes.Structure):
    """What glibc's ``mallinfo2`` returns."""

    _fields_ = [(f'field_{index}', ctypes.c_size_t) for index in range(10)]

    @property
    def in_use(self) -> int:
        """Bytes: ``hblkhd``, in mappings of their own, and ``uordblks``, in heaps."""
        return self.field_4 + self.field_7


class Samples:
    """Samples of this process, one a call: bytes resident, bytes and Python blocks in use, open files, threads."""

    def __init__(self):
        self.mallinfo = ctypes.CDLL(None).mallinfo2
        self.mallinfo.restype = Mallinfo
        self.page = os.sysconf('SC_PAGE_SIZE')
        self.taken = {name: array('q') for name in ('resident', 'in_use', 'blocks', 'files', 'threads')}

    def __call__(self) -> None:
        in_use = self.mallinfo().in_use
        gc.collect()
        if not self.taken['files']:
            gc.freeze()  # what was there before takes no more time
        resident = int(Path('/proc/self/statm').read_text().split()[1]) * self.page
        sample = resident, in_use, sys.getallocatedblocks(), *count_open().values()
        for values, value in zip(self.taken.values(), sample, strict=True):
            values.append(value)


def count_open() -> dict[str, int]:
    """Count this process's open files and its threads."""
    return {kind: len(os.listdir(f'/proc/self/{name}')) for kind, name in (('files', 'fd'), ('threads', 'task'))}


@dataclass(frozen=True)
class Work:
    """What a scenario is given.

    Args:
        folder: to write to; several scenarios share it.
        steps: how many pictures, or epochs.
        largest: side of a picture, in pixels.
        sample: to be called after each step.
    """

    folder: Path
    steps: int
    largest: int
    sample: Samples

    def config(self, model: str) -> Path:
        """Write the config of one of MODELS."""
        path = self.folder / f'{model}.py'
        path.write_text(MODEL % MODELS[model])
        return path

    def trained(self, model: str) -> None:
        """Write a config, and a checkpoint of random weights."""
        import torch

        import mmseg_vitseg

        config = self.config(model)
        torch.save(mmseg_vitseg.load_model(config, device='cpu').state_dict(), config.with_suffix('.pth'))

    def pictures(self) -> list[Path]:
        """Draw pictures of mixed sizes and kinds; those that are there already stay."""
        (self.folder / 'pictures').mkdir(exist_ok=True)
        paths = [self.folder / f'pictures/{index:04d}.png' for index in range(self.steps)]
        for index, path in enumerate(paths):
            if not path.exists():
                draw_picture(index, self.largest).save(path, compress_level=1)
        return paths


def draw_picture(index: int, largest: int):
    """Draw a PIL picture: colour, grey, RGBA or 16 bits; of sides from SMALLEST to ``largest``, some far wider than high."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(index)
    height, width = np.exp(rng.uniform(np.log(SMALLEST), np.log(largest), 2)).astype(int)
    if index % 10 == 7:
        height, width = SMALLEST, largest - index % SMALLEST
    blocks = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 4), np.uint8)
    picture = blocks.repeat(8, 0).repeat(8, 1)[:height, :width]
    kinds = picture[..., 0], picture, picture[..., 0].astype(np.uint16) * 257, picture[..., :3], picture[..., :3]
    return Image.fromarray(np.ascontiguousarray(kinds[index % len(kinds)]))


def predict_each(model: str, work: Work, leak: bool = False) -> None:
    """Predict pictures one after the other through ``mmseg_vitseg.predict``; ``leak`` keeps what it should not."""
    import mmseg_vitseg

    loaded = mmseg_vitseg.load_model(work.config(model), device='cpu')
    if leak:
        step, kept = loaded.test_step, []

        def keeping(data: dict) -> list:
            results = step(data)
            kept.extend((result.seg_logits._small.maps.clone(), os.open(os.devnull, os.O_RDONLY)) for result in results)
            return results

        loaded.test_step = keeping
    for picture in work.pictures():
        mmseg_vitseg.predict(loaded, picture)
        work.sample()


def predict_folder(work: Work) -> None:
    """Predict a folder through tools/predict.py, which writes overlays and masks; it is the first to import torch."""
    assert 'torch' not in sys.modules
    work.pictures()
    child = multiprocessing.get_context('fork').Process(target=work.trained, args=('mit',))
    child.start()
    child.join()

    def after_each_mask(event: str, arguments: tuple) -> None:
        if event == 'os.rename' and str(arguments[1]).endswith('_mask.png'):
            work.sample()

    sys.addaudithook(after_each_mask)
    files = [work.folder / name for name in ('mit.py', 'mit.pth', 'pictures')]
    run_tool('predict', *files, '--out', work.folder / 'predicted')


def compare(work: Work) -> None:
    """Compare two models on named pictures, as tools/compare.py does."""
    import mmseg_vitseg
    from mmseg_vitseg.config.datasets import classes_of
    from mmseg_vitseg.inference.comparing import compare_named, sheet

    a, b = (mmseg_vitseg.load_model(work.config(name), device='cpu') for name in ('mit', 'setr'))

    def sampled(one):
        work.sample()
        return one

    found = map(sampled, compare_named(a, b, work.pictures()))
    sheet(found, classes_of(a.cfg)[1], ('a', 'b'), height=16)


def report(work: Work) -> None:
    """Evaluate a model on its test data, as tools/report.py does."""
    from mmengine.config import Config

    import mmseg_vitseg
    from mmseg_vitseg.datasets import shapes
    from mmseg_vitseg.reporting.evaluating import evaluate

    shapes.KEPT = 0  # drawn pictures would be kept, up to 32 MB, and look like a leak

    def sampled(samples):
        for one in samples:
            yield one
            work.sample()

    config = Config.fromfile(work.config('mit'))
    config.model.decode_head.num_classes = 4
    load = [dict(type='mmseg_vitseg.LoadImage'), dict(type='mmseg_vitseg.LoadMask')]
    pipeline = [*load, dict(type='PackSegInputs')]
    config.test_dataloader.dataset = dict(
        type='mmseg_vitseg.ShapesDataset', length=work.steps, size=work.largest // 3, pipeline=pipeline
    )
    evaluate(mmseg_vitseg.load_model(config, device='cpu'), 6, sampled)


def train(work: Work) -> None:
    """Train through tools/train.py, with validation, a picture of it, a checkpoint and logs each epoch."""
    from mmengine.hooks import Hook
    from mmseg.registry import HOOKS

    class SamplingHook(Hook):
        def after_val_epoch(self, runner, metrics=None) -> None:
            work.sample()

    HOOKS.register_module(module=SamplingHook, force=True)
    config = work.folder / 'train.py'
    config.write_text(TRAINING % dict(root=ROOT, steps=work.steps))
    run_tool('train', config, '--work-dir', work.folder / 'work')


def run_tool(name: str, *arguments) -> None:
    """Run a command in this process."""
    from mmseg_vitseg.cli.command import call

    sys.argv = [f'tools/{name}.py', *map(str, arguments)]
    with open(os.devnull, 'w') as nowhere, contextlib.redirect_stdout(nowhere):
        call(name, sys.argv[1:])


SCENARIOS: dict[str, Callable[[Work], None]] = dict(
    mit=lambda work: predict_each('mit', work),
    setr=lambda work: predict_each('setr', work),
    windows=lambda work: predict_each('windows', work),
    folder=predict_folder,
    compare=compare,
    report=report,
    train=train,
    leak=lambda work: predict_each('mit', work, leak=True),
)


def plot(found: dict[str, dict[str, list[int]]], path: Path) -> None:
    """Draw resident memory, and what of it is allocated, against the step."""
    import matplotlib

    matplotlib.use('agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, len(found), figsize=(3 * len(found), 2.6), squeeze=False, layout='constrained', sharey=True
    )
    for axis, (name, taken) in zip(axes[0], found.items(), strict=True):
        for kind, label in (('resident', 'resident'), ('in_use', 'allocated by malloc')):
            axis.plot(range(1, len(taken[kind]) + 1), [value / MEBIBYTE for value in taken[kind]], label=label)
        axis.set(title=name, xlabel='epoch' if name == 'train' else 'picture', ylim=(0, None))
    axes[0, 0].set_ylabel('MiB')
    axes[0, 0].legend(fontsize='small')
    figure.savefig(path, dpi=70)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='+', choices=SCENARIOS, metavar='NAME', help=', '.join(SCENARIOS))
    parser.add_argument('--steps', type=int, default=1000, help='pictures, or epochs (default: 1000)')
    parser.add_argument('--largest', type=int, default=LARGEST, help=f'side of a picture (default: {LARGEST})')
    parser.add_argument('--out', type=Path, metavar='FILE.json', required=True, help='where the samples go')
    parser.add_argument('--plot', type=Path, metavar='FILE.png', help='draw them there')
    args = parser.parse_args()
    warnings.simplefilter('ignore')
    os.environ['OMP_NUM_THREADS'] = '1'  # as in the tests
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in args.names:
            work = Work(Path(folder), args.steps, args.largest, Samples())
            before = count_open()
            SCENARIOS[name](work)
            for thread in threading.enumerate()[1:]:  # of a progress bar, which ends a moment later
                thread.join(5)
            left = {kind: after - before[kind] for kind, after in count_open().items()}
            found[name] = {kind: list(values) for kind, values in work.sample.taken.items()} | dict(left=left)
    args.out.write_text(json.dumps(found))
    if args.plot:
        plot(found, args.plot)


if __name__ == '__main__':
    main()
