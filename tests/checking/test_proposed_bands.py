"""Settings proposed for pictures of bands: what is printed stands in the files, and pasted it trains."""

import sys
import warnings

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_vitseg.checking.checks import check_config
from mmseg_vitseg.checking.proposed_bands import propose_bands
from mmseg_vitseg.cli.command import main
from mmseg_vitseg.datasets.load_image import LoadImage
from mmseg_vitseg.models.data_preprocessor import SegDataPreProcessor
from vitseg_tests.own_data import dataset_in
from vitseg_tests.rasters import write_tiff

pytest.importorskip('rasterio', reason='rasterio is not installed; it comes with the extra [geo]')
SIDES = (60, 70)


def bands(count: int, dtype: str = 'uint16', high: int = 4000, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).integers(10, high, (*SIDES, count)) * np.arange(1, count + 1)).astype(dtype)


def save(root, *pictures: np.ndarray, **options) -> Config:
    """Write a data set; return a config of it, as it is for colours."""
    for folder in ('images', 'masks'):
        (root / folder).mkdir()
    for index, picture in enumerate(pictures):
        write_tiff(root / f'images/{index}.tif', picture, **options)
        Image.fromarray(np.random.default_rng(index).integers(0, 3, SIDES, np.uint8)).save(root / f'masks/{index}.png')
    dataset = dataset_in(root, img_suffix='.tif')
    dataset['pipeline'] = [dict(type='mmseg_vitseg.LoadImage'), dict(type='mmseg_vitseg.LoadMask')]
    backbone = dict(type='mmseg_vitseg.VisionTransformer', img_size=64, patch_size=16, embed_dims=16, num_layers=1)
    return Config(
        dict(
            default_scope='mmseg',
            model=dict(type='EncoderDecoder', backbone=backbone),
            train_dataloader=dict(dataset=dataset),
        )
    )


def pasted(lines: list[str]) -> list[dict]:
    """Return each dict that is proposed, as Python makes it of the text."""
    return [eval('dict(' + line.partition('dict(')[2], {}) for line in lines if 'dict(' in line]


def test_what_is_proposed_is_of_the_files(tmp_path):
    pictures = [bands(6, seed=seed) for seed in range(3)]
    for picture in pictures:
        picture[:6] = 0
        picture[6:12, :, 0] = 0  # a value of one band
    cfg = save(tmp_path, *pictures)
    headline, _, *lines = propose_bands(cfg)
    assert headline == (
        'pictures of train_dataloader.dataset, 3 of 3 looked at: 6 bands, uint16; 60 x 70; no data: 0.0 % of the pixels'
    )
    assert '  10.0 % of the pixels are 0 in every band: no data? Then nodata=0' in lines

    cfg.train_dataloader.dataset.pipeline[0].update(bands='all', nodata=0)
    headline, _, *lines = propose_bands(cfg)
    assert headline.endswith('no data: 10.0 % of the pixels')
    load, preprocess, backbone = pasted(lines)
    everything = np.concatenate([picture[6:].reshape(-1, 6) for picture in pictures])
    expected = np.percentile(everything, (1, 99), axis=0).T
    assert load == dict(type='mmseg_vitseg.LoadImage', bands='all', scale=load['scale'], nodata=0)
    np.testing.assert_allclose(load['scale'], expected, rtol=0.02, atol=2)
    assert backbone == dict(in_channels=6)

    step = LoadImage(**{name: value for name, value in load.items() if name != 'type'})
    loaded = [step(dict(img_path=f'{tmp_path}/images/{index}.tif')) for index in range(3)]
    scaled = np.concatenate([one['img'][~one['nodata']] for one in loaded])
    np.testing.assert_allclose(preprocess['mean'], scaled.mean(0), atol=1)
    np.testing.assert_allclose(preprocess['std'], scaled.std(0), atol=1)
    SegDataPreProcessor(**{name: value for name, value in preprocess.items() if name != 'type'})
    for row, number in zip(lines, range(1, 7), strict=False):
        values = everything[:, number - 1]
        np.testing.assert_allclose(
            [float(word) for word in row.split()],
            [
                number,
                *np.percentile(values, (1, 99)),
                values.mean(),
                values.std(),
                preprocess['mean'][number - 1],
                preprocess['std'][number - 1],
            ],
            rtol=0.02,
            atol=2,
        )


@pytest.mark.parametrize(
    ('pictures', 'options', 'words'),
    [
        ([bands(4), bands(6)], {}, ['4 bands, uint16 (', '0.tif); 6 bands, uint16 (', 'bands=(1, 2, 3, 4), scale=[(']),
        ([bands(4, 'uint8', 60)], {}, ['4 bands, uint8', "bands='all')", 'in_channels=4']),
        ([bands(1, 'float32')], {}, [': 1 band, float32', "bands='all', scale=("]),
        ([bands(20, high=200)], {}, ['20 bands', '... and 4 more bands', "bands='all', scale=("]),
        ([np.where(bands(2) > 4000, 9, bands(2))], dict(nodata=9), ['no data: ', "bands='all', scale=[("]),
    ],
    ids=['two counts', '8 bits', 'one band', 'many', 'a tag'],
)  # fmt: skip
def test_kinds(tmp_path, pictures, options, words):
    text = '\n'.join(propose_bands(save(tmp_path, *pictures, **options)))
    for word in words:
        assert word in text


@pytest.mark.parametrize(('low', 'high'), [(300.1, 300.4), (101.6, 102.2), (0.1231, 0.1234), (-3e4, 9e4), (2e8, 2e8)])
def test_values_that_lie_close_together(tmp_path, low, high):
    """Kelvins, metres, reflectances: the scale has the digits that tell them apart."""
    picture = np.random.default_rng(0).uniform(low, high, (*SIDES, 1)).astype(np.float32)
    load, *_ = pasted([*propose_bands(save(tmp_path, picture))])
    wide = max(high - low, 1 if low == high else 0)
    np.testing.assert_allclose(load['scale'][0], np.percentile(picture, 1), rtol=0, atol=wide / 50)
    if high > low:
        np.testing.assert_allclose(load['scale'][1], np.percentile(picture, 99), rtol=0, atol=wide / 50)
    del load['type']
    image = LoadImage(**load)(dict(img_path=f'{tmp_path}/images/0.tif'))['img']
    assert np.isfinite(image).all()
    assert high == low or np.ptp(image) > 250


def test_colours_of_eight_bits_are_not_spoken_of(tmp_path):
    cfg = save(tmp_path, bands(3, 'uint8', 80))
    assert list(propose_bands(cfg)) == []
    cfg.train_dataloader.dataset.data_root = f'{tmp_path}/none'
    assert list(propose_bands(cfg)) == []


def test_a_scale_that_cuts_off(tmp_path):
    cfg = save(tmp_path, bands(2))
    cfg.train_dataloader.dataset.pipeline[0].update(bands='all', scale=[(0, 4000), (0, 4000)])
    (line,) = [line for line in propose_bands(cfg) if 'beyond' in line]
    assert 'of the values of band 2 are beyond the scale of the config, and cut off' in line


def test_a_first_file_that_is_damaged(tmp_path):
    cfg = save(tmp_path, bands(2), bands(2))
    (tmp_path / 'images/0.tif').write_bytes(b'II*')
    assert next(propose_bands(cfg)).startswith(
        'pictures of train_dataloader.dataset, 1 of 2 looked at: 2 bands, uint16'
    )
    (tmp_path / 'images/1.tif').write_bytes(b'II*')
    assert list(propose_bands(cfg)) == []


@pytest.mark.parametrize(
    'arguments', [dict(scale=(2, 1)), dict(scale=[(0, 1)] * 5), dict(bands=(1, 9), scale=[(0, 1)] * 2)]
)
def test_a_step_that_does_not_fit(tmp_path, arguments):
    cfg = save(tmp_path, bands(3))
    cfg.train_dataloader.dataset.pipeline[0].update({'bands': 'all', **arguments})
    assert any('bands=' in line for line in propose_bands(cfg))


def test_means_of_other_values(tmp_path):
    cfg = save(tmp_path, bands(2))
    cfg.model.data_preprocessor = dict(type='mmseg_vitseg.SegDataPreProcessor', mean=[2000.0, 120.0], std=[60.0, 60.0])
    cfg.model.backbone.in_channels = 2
    load = cfg.train_dataloader.dataset.pipeline[0]
    load.bands = 'all'
    (line,) = [line for line in propose_bands(cfg) if '.mean is' in line]
    assert line.startswith('  model.data_preprocessor.mean is 120 for band 2, whose values have the mean 3984.1 and')
    load.scale = (0, 4000)
    (line,) = [line for line in propose_bands(cfg) if '.mean is' in line]
    assert line.startswith('  model.data_preprocessor.mean is 2000 for band 1, whose values have the mean 12')
    (finding,) = [one for one in check_config(cfg) if one.key == 'model.data_preprocessor.mean']
    assert finding.what == '2000, and train_dataloader.dataset.pipeline.0.scale makes 0 to 255 of what is in the files'


def test_files_of_several_counts_are_found(tmp_path):
    cfg = save(tmp_path, bands(6), bands(4))
    cfg.train_dataloader.dataset.pipeline[0].bands = 'all'
    (found,) = [one for one in check_config(cfg, lambda indices, text: indices) if 'bands' in one.what]
    assert '1.tif: 4 bands, and ' in found.what
    assert '0.tif has 6; name those that all files have' in found.what


def test_the_tool(tmp_path, capsys, monkeypatch):
    save(tmp_path, bands(5)).dump(f'{tmp_path}/config.py')
    monkeypatch.setattr(sys, 'argv', ['mmseg-vitseg', 'check_config', f'{tmp_path}/config.py', '--data'])
    with pytest.raises(SystemExit), warnings.catch_warnings():
        main()
    printed = capsys.readouterr().out
    assert printed.startswith('pictures of train_dataloader.dataset, 1 of 1 looked at: 5 bands, uint16')
    assert "or read its own bands: LoadImage(bands='all')" in printed
