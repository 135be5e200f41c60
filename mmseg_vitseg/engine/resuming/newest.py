"""Which checkpoint of a work dir a training goes on from."""

from pathlib import Path
from typing import NamedTuple

from mmseg_vitseg.checkpoints.reading import read_checkpoint

RUNS = 'training_runs'  # in the message hub, so in every checkpoint: names of its runs, the first one first


class Numbered(NamedTuple):
    """A checkpoint of a training.

    Args:
        path: ``epoch_N.pth`` or ``iter_N.pth``.
        unit, number: what is counted, and how many were done.
        runs: names of the runs that led to it, with the times at which they began; of the host's tools, the last one alone.
        iterations: how many were done.
        time: when it was written, as it says itself: a file's own time does not survive copying.
    """

    path: Path
    unit: str
    number: int
    iterations: int
    runs: tuple[str, ...] = ()
    time: str = ''

    def follows(self, other: 'Numbered') -> bool | None:
        """Tell whether this one was written after another of the same training; None where they are of different ones."""
        common = min(len(self.runs), len(other.runs))
        if self.runs[:common] != other.runs[:common]:
            return None
        return (len(self.runs), self.iterations) > (len(other.runs), other.iterations)


def find_resumable(work_dir: str | Path) -> Path | None:
    """Return the newest checkpoint to resume from, or None where there is none."""
    return next((one.path for one in newest_first(work_dir)), None)


def newest_first(work_dir: str | Path) -> list[Numbered]:
    """Return a work dir's checkpoints, the newest first, by what they say themselves.

    Within a training a later run, and then the higher number, is newer. Of different trainings in one folder it is the one
    that was written last by the checkpoints' own times, unless the note ``last_checkpoint`` names the one with the highest
    number: then a clock was wrong. The note alone decides nothing: a training killed between writing a checkpoint and noting
    its name, or between removing an old one and writing the next, leaves one that is wrong. Files' times are not asked: they
    are those of the copy where a folder was copied. What cannot be read comes last.
    """
    files = [
        (path, unit, int(number))
        for unit in ('epoch', 'iter')
        for path in Path(work_dir).glob(f'{unit}_*.pth')
        if (number := path.stem.removeprefix(f'{unit}_')).isdigit()
    ]
    readable = [one for one in map(_read, files) if one is not None]
    paths = {one.path for one in readable}
    broken = [
        Numbered(*file, file[2])
        for file in sorted(files, key=lambda file: file[2], reverse=True)
        if file[0] not in paths
    ]
    return [*_ordered(readable, noted(work_dir)), *broken]


def noted(work_dir: str | Path) -> str:
    """Return the name of the file that the host noted as the last one, '' where it noted none."""
    note = Path(work_dir, 'last_checkpoint')
    try:
        return Path(note.read_text(errors='replace').strip()).name
    except OSError:
        return ''


def _read(file: tuple[Path, str, int]) -> Numbered | None:
    """Read what a checkpoint says of itself; None where it cannot be read."""
    try:
        content = read_checkpoint(file[0])
    except (ValueError, OSError):
        return None
    meta, hub = (content.get(name) or {} for name in ('meta', 'message_hub'))
    runs = (hub.get('runtime_info') or {}).get(RUNS) or [str(meta.get('experiment_name', ''))]
    iterations = meta.get('iter') or file[2]
    return Numbered(*file, iterations, runs=tuple(runs), time=str(meta.get('time', '')))


def _ordered(found: list[Numbered], note: str) -> list[Numbered]:
    if not found:
        return []
    ends = [one for one in found if not any(other.follows(one) for other in found)]  # the newest of each training
    highest = max(found, key=lambda one: one.iterations)
    trusted = [one for one in ends if one.path.name == note == highest.path.name]
    newest = trusted[0] if trusted else max(ends, key=lambda one: (one.time, one.iterations))
    own = [one for one in found if one is not newest and newest.follows(one) is not None]
    others = [one for one in found if newest.follows(one) is None]
    own.sort(key=lambda one: (len(one.runs), one.iterations), reverse=True)
    return [newest, *own, *sorted(others, key=lambda one: (one.time, one.iterations), reverse=True)]


def doubts(work_dir: str | Path, found: list[Numbered]) -> str:
    """Return what else could have been taken for the newest checkpoint and why it was not, '' where all signs agree."""
    newest, others, said = found[0], found[1:], []
    unread = [one for one in others if not one.runs]
    highest = max(found, key=lambda one: one.iterations)
    if unread:
        said.append(f'{unread[0].path.name} cannot be read')
    if highest.iterations > newest.iterations and highest not in unread:
        other = 'another training' if newest.follows(highest) is None else 'an earlier run'
        said.append(f'{highest.path.name} is of {other}, written {_shown(highest.time)}')
    note = noted(work_dir)
    if note not in ('', newest.path.name, highest.path.name):
        said.append(f'last_checkpoint names {note}' + ('' if Path(work_dir, note).exists() else ', which is not there'))
    latest = max((one.path for one in found), key=lambda path: path.stat().st_mtime_ns)
    if latest.stat().st_mtime_ns > newest.path.stat().st_mtime_ns:
        said.append(f'{latest.name} has the latest file time, as copying gives it')
    return '; '.join(said)


def _shown(time: str) -> str:
    """Return a time as the host writes it, ``20261126_235150``, as people do."""
    return f'{time[:4]}-{time[4:6]}-{time[6:8]} {time[9:11]}:{time[11:13]}' if len(time) == 15 else 'at an unknown time'
