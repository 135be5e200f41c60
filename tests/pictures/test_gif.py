"""GIFs of pictures."""

import weakref

import numpy as np
from PIL import Image

from mmseg_vitseg.pictures import gif
from mmseg_vitseg.pictures.gif import write_gif


def draw(folder, count, size=(8, 6)):
    paths = [folder / f'{size[0]}_{index}.png' for index in range(count)]
    for index, path in enumerate(paths):
        Image.new('RGB', size, (20 * index, 0, 0)).save(path)
    return paths


def test_those_of_the_last_ones_size_in_their_order(tmp_path):
    write_gif([*draw(tmp_path, 2, (4, 4)), *draw(tmp_path, 3)], tmp_path / 'x.gif', 40)
    with Image.open(tmp_path / 'x.gif') as film:
        assert (film.n_frames, film.size, film.info['duration'], film.info['loop']) == (3, (8, 6), 40, 0)
        film.seek(2)
        assert abs(int(np.array(film.convert('RGB'))[0, 0, 0]) - 40) < 3


def test_one_picture_at_a_time_is_read(tmp_path, monkeypatch):
    read, alive = [], []

    def counted(path, frame=gif._frame):
        alive.append(sum(picture() is not None for picture in read))
        picture = frame(path)
        read.append(weakref.ref(picture))
        return picture

    monkeypatch.setattr(gif, '_frame', counted)
    write_gif(draw(tmp_path, 10), tmp_path / 'x.gif', 40)
    assert len(read) == 10
    assert max(alive) <= 2  # the first, which starts the GIF, and the one before
