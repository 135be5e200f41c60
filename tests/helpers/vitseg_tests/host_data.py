"""A few drawn pictures in the layout and the encoding of a data set that the host knows, where a config looks for them.

Folders, names and split files are those of the config and of the host's class; so are the values in the masks:
``reduce_zero_label`` of the class or of its loading step says whether 0 is ignored and the classes begin with 1.
"""

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS
from PIL import Image

HEIGHT, WIDTH = 64, 96
COUNT = 4  # pictures of a split
TILE = 8  # pixels: each class is in the masks of a split
BINARY = ('DRIVEDataset', 'STAREDataset', 'HRFDataset', 'ChaseDB1Dataset', 'LEVIRCDDataset', 'REFUGEDataset')  # no 255
NAMES = dict(  # of the data sets whose files lie in folders of their own
    CityscapesDataset='aachen/aachen_{:06}_000019',
    default='picture_{:04}',
)


def datasets_of(cfg: Config) -> Iterator[dict]:
    """Yield the settings of each data set of a config, inside its wrappers."""
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        yield from _inside(cfg[name].dataset) if cfg.get(name) else ()


def pictures_of(cfg: Config) -> list[Path]:
    """List the pictures of a config's test data, once they are drawn."""
    settings = [*datasets_of(cfg)][-1]
    return sorted(file for file in Path(settings['data_root'], settings['data_prefix']['img_path']).rglob('*.*'))


def _inside(dataset: dict) -> Iterator[dict]:
    inner = [dataset['dataset']] if 'dataset' in dataset else dataset.get('datasets', [])
    for one in inner:
        yield from _inside(one)
    if not inner:
        yield dataset


def draw_data(cfg: Config, root: Path) -> None:
    """Draw the data sets of a config in the folder ``root``, and make the config look there."""
    for settings in datasets_of(cfg):
        settings['data_root'] = str(root / Path(settings.get('data_root') or 'data').name)
        _draw(settings)


def _draw(settings: dict) -> None:
    cls = DATASETS.get(settings['type'])
    asked, folder = settings['data_prefix'], Path(settings['data_root'])
    suffixes = [_argument(cls, settings, name) for name in ('img_suffix', 'seg_map_suffix')]
    split = settings.get('ann_file')
    start = _number(split or asked['img_path'])
    names = [NAMES.get(settings['type'], NAMES['default']).format(start + index) for index in range(COUNT)]
    if split:
        _write(folder / split, ''.join(f'{name}\n' for name in names))
    values = _values(cls, settings)
    for index, name in enumerate(names):
        tiles = range(min(values), max(values[:-1]) + 1)[index::COUNT]
        picture, mask = _picture(values, tiles, seed=int(''.join(filter(str.isdigit, name))))
        for key in ('img_path', 'img_path2'):
            if key in asked:
                path = folder / asked[key] / f'{name}{suffixes[0]}'
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture if key == 'img_path' else picture[::-1].copy()).save(path)
        path = folder / asked['seg_map_path'] / f'{name}{suffixes[1]}'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(path)


def _argument(cls: type, settings: dict, name: str):
    """Return what a data set takes for an argument: the config's, its class's, or the host's base class's."""
    signatures = [inspect.signature(base).parameters for base in (cls, BaseSegDataset)]
    return settings.get(name, next(found[name].default for found in signatures if name in found))


def _number(text: str) -> int:
    """Return a number for a split, so that two of one folder have other pictures."""
    return 1000 * next((number for number, word in enumerate(('train', 'val', 'test', 'aug')) if word in text), 4)


def _values(cls: type, settings: dict) -> list[int]:
    """Return the values of the masks, the ignored one last."""
    classes = len(settings.get('metainfo', {}).get('classes') or cls.METAINFO['classes'])
    used = sorted({0, 1, 2 % classes, classes // 2, classes - 1})
    if _argument(cls, settings, 'reduce_zero_label'):
        return [*(value + 1 for value in used), 0]
    return [*used, *([] if settings['type'] in BINARY else [255])]


def _picture(values: list[int], tiles: Sequence[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw discs of values on a ground of the first, and tiles of others: (H, W, 3) and (H, W), uint8."""
    rng = np.random.default_rng(seed)
    mask = np.full((HEIGHT, WIDTH), values[0], np.uint8)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for value in [*values[1:], *values[1:]]:
        top, left, radius = rng.integers(0, HEIGHT), rng.integers(0, WIDTH), rng.integers(8, 18)
        mask[(rows - top) ** 2 + (columns - left) ** 2 < radius**2] = value
    for number, value in enumerate(tiles):
        row, column = (TILE * place for place in divmod(number, WIDTH // TILE))
        mask[row : row + TILE, column : column + TILE] = value
    colours = np.random.default_rng(7).integers(30, 226, (256, 3))
    picture = colours[mask] + rng.normal(0, 12, (HEIGHT, WIDTH, 3))
    return picture.clip(0, 255).astype(np.uint8), mask


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
