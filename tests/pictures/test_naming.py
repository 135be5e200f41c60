"""Names of what is written for pictures: no two the same."""

import pytest

from mmseg_vitseg.pictures.naming import picture_names


class Named:
    """What a data set knows of its pictures."""

    def __init__(self, folder, *names):
        self.data_prefix, self.paths = dict(img_path=folder), names

    def __len__(self):
        return len(self.paths)

    def get_data_info(self, index):
        return dict(img_path=self.paths[index])


@pytest.mark.parametrize(
    ('datasets', 'expected'),
    [
        ([Named('r/i', 'r/i/a/1.jpg', 'r/i/b/1.jpg')], ['a/1', 'b/1']),
        ([Named('r/i', 'r/i/1.jpg', 'r/i/1.png')], ['1_jpg', '1_png']),
        ([Named('r/i', 'r/i/1.jpg'), Named('s/i', 's/i/2.jpg')], ['1', '2']),
        ([Named('r/i', 'r/i/1.jpg'), Named('s/i', 's/i/1.jpg')], ['1/1', '2/1']),
        ([Named('', 'shapes://64/0/000001.png', 'elsewhere/000001.png')], ['000001_png', '000001_png_2']),
        ([Named('r/i', 'r/i/1.jpg'), Named('r/i', 'r/i/1.jpg')], ['1/1']),
    ],
)
def test_names(datasets, expected):
    assert [str(name) for name in picture_names(datasets).values()] == expected
