"""What a training wrote down: the host's scalars, of all runs of a resumed training."""

import json
from dataclasses import dataclass
from pathlib import Path

MACHINE = ('data_time', 'time', 'memory')  # beside the scores of a validation


@dataclass(frozen=True)
class Log:
    """A training's entries, in their order.

    Args:
        runs: the files it was read from, the oldest first.
        training: entries during training; ``step`` is the iteration.
        validation: entries after validations, the scores by name; ``step`` is the epoch or the iteration.
        by_epoch: which of them.
    """

    runs: list[Path]
    training: list[dict]
    validation: list[dict]
    by_epoch: bool


def find_logs(folder: Path) -> list[Path]:
    """Return the scalars of each run in a work dir, or beside a checkpoint, the oldest first.

    They are the host's local backend's: ``TIMESTAMP/vis_data/scalars.json``; where only copies were kept,
    ``TIMESTAMP/vis_data/TIMESTAMP.json`` or ``TIMESTAMP.json``.
    """
    found: dict[str, Path] = {}
    for pattern in ('[0-9]*_[0-9]*.json', '*/vis_data/[0-9]*_[0-9]*.json', '*/vis_data/scalars.json'):
        for path in folder.glob(pattern):
            found[path.stem if path.stem != 'scalars' else path.parts[-3]] = path
    return [found[timestamp] for timestamp in sorted(found)]


def read_log(folder: Path) -> Log:
    """Read all runs in a work dir as one training: what a later run did again takes the place of what it repeats."""
    training: list[dict] = []
    validation: list[dict] = []
    runs, by_epoch = [], False
    for path in find_logs(folder):
        entries = _entries(path)
        trained = [entry for entry in entries if 'iter' in entry]
        if not trained:  # a test, or a run that ended before it wrote anything
            continue
        runs.append(path)
        validated = [entry for entry in entries if 'iter' not in entry]
        by_epoch = 'epoch' in trained[-1] and all(entry['step'] <= trained[-1]['epoch'] for entry in validated)
        start = trained[0]['epoch'] if by_epoch else trained[0]['step']
        training = [entry for entry in training if entry['step'] < trained[0]['step']] + trained
        validation = [entry for entry in validation if entry['step'] < start] + validated
    return Log(runs, training, validation, by_epoch)


def _entries(path: Path) -> list[dict]:
    """Read the lines of a file that are whole: of a run that was killed, the last one may not be."""
    entries = []
    for line in path.read_text(encoding='utf-8', errors='replace').splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get('step'), int):
            entries.append(entry)
    return entries
