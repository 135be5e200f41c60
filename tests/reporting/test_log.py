"""The scalars of all runs of a training, joined."""

import json

import pytest

from mmseg_vitseg.reporting.log import find_logs, read_log


@pytest.fixture
def write(tmp_path):
    def write(timestamp, entries, name='{}/vis_data/scalars.json', tail=''):
        path = tmp_path / name.format(timestamp)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(''.join(json.dumps(entry) + '\n' for entry in entries) + tail)
        return path

    return write


def trained(iteration, loss, epoch=None):
    entry = dict(lr=0.1, loss=loss, iter=iteration, step=iteration)
    return entry if epoch is None else dict(entry, epoch=epoch)


def validated(step, score):
    return dict(mIoU=score, time=0.1, step=step)


def test_a_resumed_run_takes_the_place_of_what_it_repeats(write, tmp_path):
    first = [trained(10, 5.0, 1), validated(1, 20.0), trained(20, 4.0, 2), validated(2, 30.0), trained(30, 3.0, 3)]
    write('20260101_000000', first, tail='{"lr": 0.1, "lo')  # killed while it wrote
    second = [trained(20, 4.5, 2), validated(2, 35.0), trained(30, 2.5, 3), validated(3, 40.0)]
    write('20260101_010000', second)
    write('20260102_000000', [dict(mIoU=1.0, step=0)])  # a validation by itself
    write('20260103_000000', [dict(mIoU=1.0)], name='{0}/{0}.json')  # a test
    log = read_log(tmp_path)
    assert [(entry['step'], entry['loss']) for entry in log.training] == [(10, 5.0), (20, 4.5), (30, 2.5)]
    assert [(entry['step'], entry['mIoU']) for entry in log.validation] == [(1, 20.0), (2, 35.0), (3, 40.0)]
    assert log.by_epoch
    assert [path.parts[-3] for path in log.runs] == ['20260101_000000', '20260101_010000']


def test_a_run_from_scratch_takes_the_place_of_all(write, tmp_path):
    write('20260101_000000', [trained(10, 5.0, 1), validated(1, 20.0)])
    write('20260102_000000', [trained(10, 9.0, 1)])
    log = read_log(tmp_path)
    assert ([entry['loss'] for entry in log.training], log.validation) == ([9.0], [])


def test_iterations(write, tmp_path):
    write('20260101_000000', [trained(50, 5.0), trained(100, 4.0), validated(100, 20.0), trained(150, 3.0)])
    write('20260102_000000', [trained(150, 3.5), trained(200, 2.0), validated(200, 30.0)])
    log = read_log(tmp_path)
    assert not log.by_epoch
    assert [entry['loss'] for entry in log.training] == [5.0, 4.0, 3.5, 2.0]
    assert [entry['step'] for entry in log.validation] == [100, 200]


def test_the_copies_are_read_where_the_backends_file_is_not_there(write, tmp_path):
    beside = write('20260101_000000', [trained(10, 5.0)], name='{}.json')
    inside = write('20260102_000000', [trained(20, 4.0)], name='{0}/vis_data/{0}.json')
    assert find_logs(tmp_path) == [beside, inside]
    preferred = write('20260102_000000', [trained(20, 4.0)])
    assert find_logs(tmp_path) == [beside, preferred]
    assert len(read_log(tmp_path).training) == 2


def test_what_is_no_log(write, tmp_path):
    write('20260101_000000', [[1], 'x', dict(loss=1.0), dict(step='x')], tail='\x00garbage')
    log = read_log(tmp_path)
    assert (log.runs, log.training, log.validation) == ([], [], [])
    assert read_log(tmp_path / 'nowhere').runs == []
