"""Computing the features of a config's data, once."""

import time
from collections.abc import Callable, Iterable

from torch import nn
from torch.utils.data import DataLoader, Subset

from mmseg_vitseg.caching.planning import Job
from mmseg_vitseg.caching.records import features_of
from mmseg_vitseg.config.changed_settings import first_change
from mmseg_vitseg.datasets.cached import PATHS, changed, files_of
from mmseg_vitseg.datasets.feature_files import FEATURES, INDEX, LABELS, MANIFEST, read_manifest, write_manifest
from mmseg_vitseg.datasets.feature_writer import FeatureWriter

FREE = ('command', 'version', 'device')  # entries of a manifest in which a computation that goes on may differ
KEEP_SECONDS = 2.0  # what a killed computation loses at most, beside the batch that it was at

Track = Callable[[Iterable, str, int], Iterable]


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
        batches = DataLoader(
            Subset(job.pictures, range(done, len(job.pictures))),
            batch_size=job.batch_size,
            num_workers=job.loader.get('num_workers', 0),
            pin_memory=job.loader.get('pin_memory', False),
            collate_fn=list,
        )
        kept = time.monotonic()
        for samples in track(batches, job.name, len(batches)):
            for record in features_of(model, samples, training=job.training, dtype=job.manifest['dtype']):
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
