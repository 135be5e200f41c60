import pytest

from mmseg_vitseg.atomic import whole


def test_a_file_is_whole_or_absent(tmp_path):
    with pytest.raises(RuntimeError), whole(tmp_path / 'x/y.txt') as temporary:
        temporary.write_text('half')
        raise RuntimeError
    assert list((tmp_path / 'x').iterdir()) == []
