import pytest

from mmseg_vitseg.atomic import whole


def test_a_file_is_whole_or_absent(tmp_path):
    with pytest.raises(RuntimeError), whole(tmp_path / 'x/y.txt') as temporary:
        temporary.write_text('half')
        raise RuntimeError
    assert list((tmp_path / 'x').iterdir()) == []


def test_a_link_in_the_way_is_not_followed(tmp_path):
    """Somebody else's, planted under the temporary name."""
    (tmp_path / 'mine').write_text('before')
    (tmp_path / '.tmp-y.txt').symlink_to(tmp_path / 'mine')
    with whole(tmp_path / 'y.txt') as temporary:
        temporary.write_text('all')
    assert (tmp_path / 'mine').read_text() == 'before'
    assert (tmp_path / 'y.txt').read_text() == 'all'


def test_a_folder_in_the_way(tmp_path):
    with pytest.raises(IsADirectoryError, match='a folder; name a file'), whole(tmp_path):
        pass
