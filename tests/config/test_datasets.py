"""What a config says of its data sets, without their data: what the host's data sets say."""

import copy

import pytest
from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_vitseg.config.datasets import classes_of, datasets_in, has_own_palette, metainfo_of
from mmseg_vitseg.datasets.camvid import CamVidDataset

CAMVID = dict(type='mmseg_vitseg.CamVidDataset', data_root='/nowhere')
DRIVE = dict(type='DRIVEDataset', data_root='/nowhere')  # the host's, whose constructor insists on its folders


@DATASETS.register_module()
class NamesItself(BaseSegDataset):
    """A user's, whose constructor says the classes."""

    def __init__(self, **kwargs):
        super().__init__(metainfo=dict(classes=('a', 'b'), palette=[[1, 2, 3], [4, 5, 6]]), **kwargs)


@DATASETS.register_module()
class OfNoBase:
    """A user's that has nothing of the host's."""

    METAINFO = dict(classes=['x', 'y'])


@pytest.mark.parametrize(
    ('dataset', 'classes', 'palette'),
    [
        (dict(CAMVID, metainfo=dict(classes=('road', 'car'))), ['road', 'car'], [[128, 64, 128], [64, 0, 128]]),
        (dict(CAMVID, metainfo=dict(classes=('car', 'road'))), ['car', 'road'], [[64, 0, 128], [128, 64, 128]]),
        (dict(CAMVID, metainfo=dict(classes=['car'], palette=[[1, 2, 3]])), ['car'], [[1, 2, 3]]),
        (DRIVE, ['background', 'vessel'], [[120, 120, 120], [6, 230, 230]]),
        (dict(DRIVE, metainfo=dict(classes=['vessel'])), ['vessel'], [[6, 230, 230]]),
        (dict(type='NamesItself', test_mode=True), ['a', 'b'], [[1, 2, 3], [4, 5, 6]]),
    ],
)
def test_classes_and_colours_are_the_hosts(dataset, classes, palette):
    before = copy.deepcopy(dataset)
    meta = metainfo_of(dataset)
    assert (list(meta['classes']), list(meta['palette'])) == (classes, palette)
    assert has_own_palette(meta)
    cfg = Config(dict(test_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=[dict(dataset, pipeline=[])]))))
    assert [list(map(list, classes_of(cfg)[1].tolist())), classes_of(cfg)[0]] == [palette, classes]
    assert dataset == before


def test_a_file_of_names(tmp_path):
    (tmp_path / 'names.txt').write_text('background\ndisc\n')
    meta = metainfo_of(dict(type='BaseSegDataset', metainfo=dict(classes=str(tmp_path / 'names.txt'))))
    assert meta['classes'] == ['background', 'disc']
    assert not has_own_palette(meta)
    for kind in ('BaseSegDataset', 'DRIVEDataset'):
        with pytest.raises(ValueError, match=r"classes='none\.txt': no such file"):
            metainfo_of(dict(type=kind, data_root='/nowhere', metainfo=dict(classes='none.txt')))


def test_others():
    assert metainfo_of(dict(type='BaseSegDataset')).get('classes') is None
    assert metainfo_of(dict(type='OfNoBase', metainfo=dict(z=1))) == dict(classes=['x', 'y'], z=1)
    assert not has_own_palette(metainfo_of(dict(CAMVID, metainfo=dict(classes=['lorry']))))
    many = CamVidDataset.METAINFO['palette']
    with pytest.raises(ValueError, match='2 classes and a palette of 11; allowed: one colour a class'):
        metainfo_of(dict(type='BaseSegDataset', metainfo=dict(classes=['a', 'b'], palette=many)))


def test_data_sets_in_wrappers():
    one, two = dict(type='A'), dict(type='B')
    repeated = dict(type='RepeatDataset', times=2, dataset=dict(type='ConcatDataset', datasets=[one, two]))
    cfg = Config(dict(x=dict(dataset=dict(type='ConcatDataset', datasets=[repeated, one])), y=[one, two], z=dict(a=1)))
    assert datasets_in(cfg, 'x') == [one, two, one]
    for loader, words in (('y', 'y is a list of 2'), ('z', r'z\.dataset is not there'), ('w', 'w is not there')):
        with pytest.raises(ValueError, match=words):
            datasets_in(cfg, loader)
