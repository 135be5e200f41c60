"""Computing the features of a config's data, once. B batch, D h w width and size of a level, H W size of a mask."""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from mmseg_vitseg import __version__
from mmseg_vitseg.caching.pictures import Pictures
from mmseg_vitseg.config.changed_settings import first_change
from mmseg_vitseg.datasets.cached import PATHS, changed, files_of, recipe, without_steps
from mmseg_vitseg.datasets.feature_files import (
    FEATURES,
    INDEX,
    LABELS,
    MANIFEST,
    read_manifest,
    write_manifest,
)
from mmseg_vitseg.datasets.feature_writer import FeatureWriter
from mmseg_vitseg.engine.hooks.cached_features import model_recipe

FREE = ('command', 'version', 'device')  # entries of a manifest in which a computation that goes on may differ
KEEP_SECONDS = 2.0  # what a killed computation loses at most, beside the batch that it was at

Track = Callable[[Iterable, str, int], Iterable]


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
    pictures = Pictures(DATASETS.build(settings.copy()), leave_out)
    pictures.check()
    manifest = dict(
        format=1,
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
    first = features_of(model, [pictures[place] for place in range(min(loader.batch_size, len(pictures)))], job)
    numbers = [sum(level.nbytes for level in levels) for levels, *_ in first]
    job.sizes = max(numbers), max(0 if mask is None else mask.nbytes for _, mask, *_ in first)
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


def compute(job: Job, model: nn.Module, track: Track) -> int:
    """Compute the features of a loader's data, and return how many were there already.

    A computation that was interrupted goes on after the last batch that is on the disk.

    Raises:
        OSError: they cannot be written.
        ValueError: a picture cannot be read, or a step of the pipeline is random; features that the dtype does not hold.
    """
    with FeatureWriter(job.folder, job.manifest['dtype']) as writer:
        done = len(writer.records)
        _check_done(job, writer)
        workers = job.loader.get('num_workers', 0)
        batches = DataLoader(
            Subset(job.pictures, range(done, len(job.pictures))),
            batch_size=job.loader.batch_size,
            num_workers=workers,
            collate_fn=lambda samples: samples,
        )
        kept = time.monotonic()
        for samples in track(batches, job.name, len(batches)):
            for record in features_of(model, samples, job):
                writer.add(*record)
            if time.monotonic() - kept >= KEEP_SECONDS:
                writer.keep()
                kept = time.monotonic()
        writer.keep()
    return done


def prepare_folder(job: Job, overwrite: bool) -> None:
    """Make a folder ready for features: what is there is of the same kind, or goes.

    Raises:
        ValueError: it holds features of something else.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    then = read_manifest(job.folder) if not overwrite else None
    if then is not None:
        old, new = ({name: value for name, value in one.items() if name not in FREE} for one in (then, job.manifest))
        if found := first_change(new, old, 'its'):
            raise ValueError(
                f'{job.folder}: holds features of something else: {found.removeprefix("its.")}; --overwrite computes them '
                'anew, --out names another folder'
            )
    else:
        for name in (MANIFEST, INDEX, FEATURES, LABELS):  # a training that reads them keeps the old files
            (job.folder / name).unlink(missing_ok=True)
    write_manifest(job.folder, job.manifest)


def _check_done(job: Job, writer: FeatureWriter) -> None:
    """Check that pictures whose features are there have not changed since."""
    for place, record in enumerate(writer.records):
        info = job.pictures.dataset.get_data_info(place // len(job.pictures.directions))
        for name, now, then in zip(PATHS, files_of(info), record.files, strict=True):
            if now != then:
                raise ValueError(
                    f'{job.folder}: stale: {info.get(name)} {changed(now, then)}; --overwrite computes the features anew'
                )


@torch.no_grad()
def features_of(
    model: nn.Module, samples: Sequence[dict], job: Job
) -> list[tuple[list[Tensor], np.ndarray | None, dict, list]]:
    """Return, for each picture, its levels (D, h, w) on the CPU, its mask (H, W), uint8, its metainfo and its files.

    Raises:
        ValueError: features that the dtype does not hold, or labels of other kinds.
    """
    batch = pseudo_collate([dict(inputs=one['inputs'], data_samples=one['data_samples']) for one in samples])
    batch = model.data_preprocessor(batch, job.training)
    levels = model.backbone(batch['inputs'])  # of (B, D, h, w)
    dtype = getattr(torch, job.manifest['dtype'])
    records = []
    for place, sample in enumerate(batch['data_samples']):
        # one by one: of a batch without its class tokens, torch would not keep the order in memory
        own = [level[place].to(dtype).cpu() for level in levels]
        if not all(level.isfinite().all() for level in own):
            cure = 'the picture or the weights are damaged' if dtype == torch.float32 else '--dtype float32 holds more'
            raise ValueError(f'{sample.img_path}: features that {dtype} does not hold, infinite or NaN; {cure}')
        records.append((own, mask_of(sample), dict(sample.metainfo), json.loads(samples[place]['files'])))
    return records


def mask_of(sample: SegDataSample) -> np.ndarray | None:
    """Return a sample's mask (H, W), uint8; None where it has none.

    Raises:
        ValueError: it has labels of other kinds.
    """
    if others := [name for name in sample.keys() if name != 'gt_sem_seg']:  # noqa: SIM118  iterating it would be over all
        raise ValueError(f'{sample.img_path}: has {", ".join(others)}; a cache keeps gt_sem_seg alone')
    if 'gt_sem_seg' not in sample:
        return None
    labels = sample.gt_sem_seg.data.squeeze(0).cpu().numpy()
    if labels.min() < 0 or labels.max() > 255:
        raise ValueError(f'{sample.seg_map_path}: labels from {labels.min()} to {labels.max()}; allowed: 0 to 255')
    return labels.astype(np.uint8)
