"""How many pictures a training has, and how many steps they are."""

import os
from typing import NamedTuple

from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_vitseg.config.parts import type_name

SHARED_OUT = ('DefaultSampler',)  # samplers that give each process its share of the pictures, once an epoch
ENDLESS = ('InfiniteSampler',)
COUNTS = ('WORLD_SIZE', 'SLURM_NTASKS', 'OMPI_COMM_WORLD_SIZE')  # torchrun's, Slurm's, MPI's


class Steps(NamedTuple):
    """A loader's pictures in batches.

    Args:
        pictures: of the data set, its wrappers applied.
        processes: that share them.
        share: pictures of one process in an epoch; of an endless sampler, all of them.
        batch_size, drop_last: the loader's.
        endless: batches go on over the data set's end, so that none is short.
    """

    pictures: int
    processes: int
    share: int
    batch_size: int
    drop_last: bool
    endless: bool

    @property
    def epoch(self) -> int:
        """Return how many steps an epoch has, as the loader counts them."""
        return self.share // self.batch_size if self.drop_last else -(-self.share // self.batch_size)

    @property
    def rest(self) -> int:
        """Return how many pictures are in the last batch."""
        return self.share % self.batch_size or self.batch_size

    def __str__(self) -> str:
        shared = f' shared by {self.processes} processes, {self.share} each' if self.processes > 1 else ''
        return f'{self.pictures} pictures{shared}'


def count_steps(cfg: Config) -> Steps | None:
    """Count a config's training data, None where that is not known: data that is not there, a sampler of another kind."""
    loader = cfg.get('train_dataloader')
    if not isinstance(loader, dict) or not isinstance(loader.get('dataset'), dict) or 'batch_sampler' in loader:
        return None
    sampler, size = loader.get('sampler') or {}, loader.get('batch_size')
    endless = type_name(sampler) in ENDLESS
    if not (endless or type_name(sampler) in SHARED_OUT) or not isinstance(size, int) or size < 1:
        return None
    try:
        pictures = len(DATASETS.build(loader['dataset']))
    except Exception:  # which other checks, and the training, say better
        return None
    processes = _processes(cfg)
    share = pictures if endless or processes == 1 else _share(pictures, processes, sampler.get('round_up', True))
    return Steps(pictures, processes, share, size, bool(loader.get('drop_last')), endless)


def _share(pictures: int, processes: int, round_up: bool) -> int:
    """Return the smallest share of a process, as the host's DefaultSampler deals them out."""
    return -(-pictures // processes) if round_up else pictures // processes


def _processes(cfg: Config) -> int:
    if cfg.get('launcher', 'none') == 'none':
        return 1
    return next((int(os.environ[name]) for name in COUNTS if os.environ.get(name, '').isdigit()), 1)
