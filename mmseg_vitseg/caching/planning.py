"""What is to be computed, and whether a disk has room for it."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmseg.registry import DATASETS
from torch import nn

from mmseg_vitseg import __version__
from mmseg_vitseg.caching.pictures import Pictures
from mmseg_vitseg.caching.records import features_of
from mmseg_vitseg.datasets.cached import recipe, without_steps
from mmseg_vitseg.datasets.feature_files import FEATURES, FORMAT, LABELS
from mmseg_vitseg.engine.hooks.cached_features import model_recipe


@dataclass(kw_only=True)
class Job:
    """The data of one loader, and where its features go.

    Args:
        name: ``train`` or ``val``.
        folder: where.
        pictures: the data.
        loader: settings of the config's loader.
        manifest: see feature_files.py.
        sizes: bytes of a picture's features and of its mask, where they are largest in the first batch.
    """

    name: str
    folder: Path
    pictures: Pictures
    loader: ConfigDict
    manifest: dict
    sizes: tuple[int, int] = (0, 0)

    @property
    def training(self) -> bool:
        """Whether the data preprocessor prepares pictures as in training."""
        return self.name == 'train'

    @property
    def batch_size(self) -> int:
        """How many pictures go through the model at once, as in training."""
        return self.loader.get('batch_size', 1)

    @property
    def needed(self) -> int:
        """How many bytes all of it takes."""
        return sum(self.sizes) * len(self.pictures)

    def on_disk(self) -> int:
        """Return how many bytes are there already."""
        return sum(file.stat().st_size for name in (FEATURES, LABELS) if (file := self.folder / name).exists())


def plan(
    cfg: Config,
    model: nn.Module,
    name: str,
    out: Path,
    *,
    dtype: str,
    leave_out: Sequence[str],
    weights: str,
    command: str,
) -> Job:
    """Build a loader's data, check that nothing of it is random, and see how large its features are.

    Raises:
        ValueError: something is; or the data, or the features, are of a kind that cannot be kept.
    """
    loader = cfg[f'{name}_dataloader']
    settings = without_steps(loader.dataset, leave_out)
    if settings.type == 'mmseg_vitseg.CachedFeatures':
        raise ValueError(f'{cfg.filename}: {name}_dataloader has cached features already')
    alike = name == 'train' and model.data_preprocessor.size is None
    pictures = Pictures(DATASETS.build(settings.copy()), leave_out, alike)
    if not len(pictures):
        raise ValueError(f'{cfg.filename}: {name}_dataloader.dataset has no pictures')
    pictures.check()
    manifest = dict(
        format=FORMAT,
        command=command,
        version=__version__,
        device=str(next(model.parameters()).device),
        dtype=dtype,
        weights=weights,
        model=model_recipe(cfg.model),
        dataset=recipe(settings),
        count=len(pictures),
    )
    job = Job(name=name, folder=out / name, pictures=pictures, loader=loader, manifest=manifest)
    samples = [pictures[place] for place in range(min(job.batch_size, len(pictures)))]
    first = features_of(model, samples, training=job.training, dtype=dtype)
    numbers = [sum(level.nbytes for level in levels) for levels, *_ in first]
    job.sizes = max(numbers), max(0 if mask is None else mask.nbytes for _, _, mask, *_ in first)
    return job


def check_space(jobs: Sequence[Job], out: Path) -> str:
    """Check that a disk has room for all features, and say how much they take.

    Raises:
        ValueError: it has not.
    """
    needed, there = sum(job.needed for job in jobs), sum(job.on_disk() for job in jobs)
    nearest = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    free = shutil.disk_usage(nearest).free
    parts = ', '.join(f'{job.name} {len(job.pictures)} x {in_bytes(sum(job.sizes))}' for job in jobs)
    said = f'{in_bytes(needed)}: {parts}'
    if needed - there > free:
        half = '' if jobs[0].manifest['dtype'] == 'float16' else ', or halve it with --dtype float16'
        raise ValueError(
            f'{out}: features take {said}; {in_bytes(there)} are there, and the disk has {in_bytes(free)} free; make room, '
            f'name another disk with --out{half}'
        )
    return f'{out}: features take {said}; the disk has {in_bytes(free)} free'


def in_bytes(count: int) -> str:
    """Write a number of bytes as text."""
    power = min(max(0, len(str(count)) - 1) // 3, 4)
    return f'{count / 1000**power:.{0 if power == 0 else 2}f} {("bytes", "kB", "MB", "GB", "TB")[power]}'
