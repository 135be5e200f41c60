"""docs/your_own_dataset.md: its config and its commands, one after the other, on a small folder of pictures and masks."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from vitseg_tests.paths import ROOT

TEXT = (ROOT / 'docs/your_own_dataset.md').read_text()
SPLIT, CONFIG = re.findall(r'```python\n(.*?)```', TEXT, re.S)
# what makes it a matter of seconds
SMALLER = {
    'scale=(480, 360)': 'scale=(96, 72)',
    'crop_size=(256, 320)': 'crop_size=(64, 64)',
    'batch_size=8': 'batch_size=2',
    'num_workers=2': 'num_workers=0',
    'persistent_workers=True': 'persistent_workers=False',
}
QUICK = {
    'train.py': [
        'train_cfg.max_epochs=1',
        'train_cfg.val_interval=1',
        'default_hooks.checkpoint.interval=1',
        'param_scheduler=None',
        'default_hooks.progress.num_images=2',
    ]
}


@pytest.fixture
def clone(tmp_path):
    """A folder like the clone, with six pictures of two classes of the eleven, and some void pixels."""
    for name in ('configs', 'tools', 'requirements'):
        (tmp_path / name).symlink_to(ROOT / name)
    generator = np.random.default_rng(0)
    for split, count in (('train', 4), ('val', 2)):
        for kind in ('images', 'annotations'):
            (tmp_path / 'data/camvid' / kind / split).mkdir(parents=True)
        for index in range(count):
            mask = np.repeat(np.arange(12, dtype=np.uint8), 8)[None].repeat(72, 0)  # every class, and void
            picture = generator.integers(0, 60, (72, 96, 3), np.uint8) + 16 * mask[..., None]
            Image.fromarray(picture).save(tmp_path / f'data/camvid/images/{split}/{index}.jpg')
            Image.fromarray(mask).save(tmp_path / f'data/camvid/annotations/{split}/{index}.png')
    config = CONFIG
    for old, new in SMALLER.items():
        assert old in config
        config = config.replace(old, new)
    (tmp_path / 'my_dataset.py').write_text(config)
    return tmp_path


def words(command: str, folder: Path) -> list[str]:
    """Split a command and expand its stars, as a shell does."""
    found = []
    for word in shlex.split(command, comments=True):
        found += [str(path.relative_to(folder)) for path in folder.glob(word)] if '*' in word else [word]
    return found


@pytest.mark.slow
def test_every_command(clone):
    commands = [line for block in re.findall(r'```bash\n(.*?)```', TEXT, re.S) for line in block.splitlines()]
    assert len(commands) >= 6
    environment = {key: value for key, value in os.environ.items() if key != 'CAMVID_ROOT'}
    for command in commands:
        python, tool, *arguments = words(command, clone)
        assert python == 'python'
        if options := QUICK.get(Path(tool).name):
            arguments += ['--cfg-options', *options]
        result = subprocess.run(
            [sys.executable, tool, *arguments], cwd=clone, env=environment, capture_output=True, text=True, timeout=300
        )
        assert result.returncode == 0, f'{command}\n{result.stdout[-2000:]}{result.stderr[-2000:]}'
    made = {path.name for path in clone.iterdir()}
    assert {'work_dirs', 'report', 'predictions', 'my_dataset.onnx'} <= made
    assert (clone / 'report/report.html').stat().st_size > 10_000


def test_one_folder_of_pictures_and_one_of_masks(clone, monkeypatch):
    mine = clone / 'data/mine'
    for kind in ('images', 'annotations'):
        (mine / kind).mkdir(parents=True)
        for index, path in enumerate(sorted((clone / 'data/camvid' / kind).rglob('*.*'))):
            path.rename(mine / kind / f'{index}{path.suffix}')
    monkeypatch.chdir(clone)
    exec(SPLIT)
    names = [(mine / f'{split}.txt').read_text().split() for split in ('train', 'val')]
    assert [len(one) for one in names] == [5, 1] and len({*names[0], *names[1]}) == 6
    config = (clone / 'my_dataset.py').read_text().replace('{{$CAMVID_ROOT:data/camvid}}', 'data/mine')
    for split in ('train', 'val'):
        prefix = "data_prefix=dict(img_path='images{0}', seg_map_path='annotations{0}')"
        assert prefix.format(f'/{split}') in config
        config = config.replace(prefix.format(f'/{split}'), f"{prefix.format('')}, ann_file='{split}.txt'")
    (clone / 'mine.py').write_text(config)
    cfg = Config.fromfile(clone / 'mine.py')
    sizes = [len(DATASETS.build(one.dataset)) for one in (cfg.train_dataloader, cfg.val_dataloader)]
    assert sizes == [5, 1]
