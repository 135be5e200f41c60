"""Which checkpoint --resume takes, whatever happened to the folder."""

import os

import pytest
import torch

from mmseg_vitseg.engine.resuming.newest import RUNS, doubts, find_resumable, newest_first

OLD, NEW, LATER = 'old_20260101_000000', 'new_20260201_000000', 'new_20260301_000000'


def write(folder, number: int, time: str, *runs: str, unit: str = 'epoch') -> None:
    meta = dict(iter=number * 10, epoch=number, time=time, experiment_name=runs[-1])
    hub = dict(runtime_info={RUNS: list(runs)})
    torch.save(dict(meta=meta, message_hub=hub), folder / f'{unit}_{number}.pth')


def note(folder, name: str) -> None:
    (folder / 'last_checkpoint').write_text(f'/elsewhere/{name}')


def taken(folder) -> tuple[str, str]:
    found = newest_first(folder)
    assert find_resumable(folder) == found[0].path
    assert sorted(one.path.name for one in found) == sorted(p.name for p in folder.glob('*.pth'))
    return found[0].path.name, doubts(folder, found)


def test_a_copy_whose_times_are_in_another_order(tmp_path):
    for number in (9, 10, 11):
        write(tmp_path, number, f'20260101_0000{number:02}', OLD)
        os.utime(tmp_path / f'epoch_{number}.pth', (100 - number, 100 - number))
    note(tmp_path, 'epoch_11.pth')
    assert taken(tmp_path) == ('epoch_11.pth', 'epoch_9.pth has the latest file time, as copying gives it')


@pytest.mark.parametrize('named', ['epoch_1.pth', 'epoch_7.pth', ''])
def test_a_note_that_is_wrong_or_cut_off(tmp_path, named):
    """A training that was killed before it noted its last one."""
    for number in (1, 2):
        write(tmp_path, number, f'20260101_00000{number}', OLD)
    (tmp_path / 'last_checkpoint').write_text(named)
    name, doubt = taken(tmp_path)
    assert name == 'epoch_2.pth'
    assert (f'last_checkpoint names {named}' in doubt) == bool(named)


def test_a_training_that_started_anew_where_another_was(tmp_path):
    for number in (3, 10):
        write(tmp_path, number, f'20260101_0000{number:02}', OLD)
    for number in (1, 2):
        write(tmp_path, number, f'20260201_00000{number}', NEW)
    note(tmp_path, 'epoch_2.pth')
    assert taken(tmp_path) == ('epoch_2.pth', 'epoch_10.pth is of another training, written 2026-01-01 00:00')
    assert [one.number for one in newest_first(tmp_path)] == [2, 1, 10, 3]


def test_a_run_that_went_on_from_an_earlier_one(tmp_path):
    """--resume epoch_3.pth: what was trained after that belongs to the run that was given up."""
    for number in (3, 9):
        write(tmp_path, number, f'20260101_00000{number}', OLD)
    write(tmp_path, 4, '20260201_000004', OLD, NEW)
    assert taken(tmp_path) == ('epoch_4.pth', 'epoch_9.pth is of an earlier run, written 2026-01-01 00:00')


@pytest.mark.parametrize('runs', [(NEW, LATER), (LATER,)])
def test_a_clock_that_ran_ahead(tmp_path, runs):
    """By our own note of runs; of the host's tools, where last_checkpoint and the numbers agree."""
    for number in (1, 2):
        write(tmp_path, number, f'20300101_00000{number}', NEW)
    write(tmp_path, 3, '20260301_000003', *runs)
    note(tmp_path, 'epoch_3.pth')
    assert taken(tmp_path)[0] == 'epoch_3.pth'


def test_what_cannot_be_read_is_left_out_and_named(tmp_path):
    write(tmp_path, 1, '20260101_000001', OLD)
    (tmp_path / 'epoch_2.pth').write_bytes(b'half')
    name, doubt = taken(tmp_path)
    assert name == 'epoch_1.pth'
    assert 'epoch_2.pth cannot be read' in doubt
