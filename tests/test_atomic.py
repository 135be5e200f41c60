import os
import subprocess
import sys

import pytest

from mmseg_vitseg.atomic import remove_stale, whole, whole_together


def test_a_file_is_whole_or_absent(tmp_path):
    with pytest.raises(RuntimeError), whole(tmp_path / 'x/y.txt') as temporary:
        temporary.write_text('half')
        raise RuntimeError
    assert list((tmp_path / 'x').iterdir()) == []


def test_a_link_in_the_way_is_not_followed(tmp_path):
    """Somebody else's, planted under the temporary name."""
    (tmp_path / 'mine').write_text('before')
    (tmp_path / f'.tmp-{os.getpid()}-y.txt').symlink_to(tmp_path / 'mine')
    with whole(tmp_path / 'y.txt') as temporary:
        temporary.write_text('all')
    assert (tmp_path / 'mine').read_text() == 'before'
    assert (tmp_path / 'y.txt').read_text() == 'all'


def test_a_folder_in_the_way(tmp_path):
    with pytest.raises(IsADirectoryError, match='a folder; name a file'), whole(tmp_path):
        pass


def test_two_that_write_one_file_do_not_mix(tmp_path, monkeypatch):
    with whole(tmp_path / 'x') as one:
        one.write_text('one')
        monkeypatch.setattr(os, 'getpid', lambda: 2**22 + 1)
        with whole(tmp_path / 'x', durable=True) as other:
            other.write_text('other')
        assert (tmp_path / 'x').read_text() == 'other'
    assert (tmp_path / 'x').read_text() == 'one'


def test_what_killed_processes_left_is_removed(tmp_path):
    ended = subprocess.run([sys.executable, '-c', 'import os; print(os.getpid())'], capture_output=True, text=True)
    mine, theirs, other = (
        tmp_path / name for name in (f'.tmp-{os.getpid()}-x', f'.tmp-{int(ended.stdout)}-x', '.tmp-x')
    )
    for file in (mine, theirs, other):
        file.touch()
    remove_stale(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([mine, other])


def contents(folder):
    return {file.name: file.read_text() for file in folder.iterdir()}


@pytest.mark.parametrize('older', [{}, {'x': 'old'}, {'x': 'old', 'x.data': 'old data'}, {'x.data': 'stray'}])
@pytest.mark.parametrize('with_data', [False, True])
def test_files_that_belong_together(older, with_data, tmp_path):
    for name, text in older.items():
        (tmp_path / name).write_text(text)
    with whole_together(tmp_path / 'x', 'x.data') as temporary:
        temporary.write_text('new')
        if with_data:
            temporary.with_name('x.data').write_text('new data')
        assert {name: (tmp_path / name).read_text() for name in older} == older
    assert contents(tmp_path) == {'x': 'new', **({'x.data': 'new data'} if with_data else {})}


@pytest.mark.parametrize('fails', ['written', 'moved 1', 'moved 2', 'moved 3', 'moved 4'])
def test_nothing_changes_when_one_of_them_cannot_be_written(fails, tmp_path, monkeypatch):
    (tmp_path / 'x').write_text('old')
    (tmp_path / 'x.data').write_text('old data')
    replace, moves = os.replace, []

    def replace_some(source, target):
        moves.append(target)
        if fails == f'moved {len(moves)}':
            raise PermissionError(13, 'not allowed', str(target))
        replace(source, target)

    monkeypatch.setattr(os, 'replace', replace_some)
    with (
        pytest.raises((RuntimeError, PermissionError)),
        whole_together(tmp_path / 'x', 'x.data') as temporary,
    ):
        temporary.write_text('new')
        temporary.with_name('x.data').write_text('new data')
        if fails == 'written':
            raise RuntimeError
    assert contents(tmp_path) == {'x': 'old', 'x.data': 'old data'}


def test_a_folder_that_a_killed_process_left_is_removed(tmp_path):
    ended = subprocess.run([sys.executable, '-c', 'import os; print(os.getpid())'], capture_output=True, text=True)
    folder = tmp_path / f'.tmp-{int(ended.stdout)}-x'
    folder.mkdir()
    (folder / 'x.data').touch()
    remove_stale(tmp_path)
    assert list(tmp_path.iterdir()) == []
