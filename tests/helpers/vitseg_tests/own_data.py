"""A config on data of one's own, as a test writes them: pictures and masks in the host's layout."""

from pathlib import Path

from mmengine.config import Config

from vitseg_tests.paths import config_path


def dataset_in(root: Path, **changes) -> dict:
    """Return the settings of a data set of three classes: ``images/*.jpg`` and ``masks/*.png`` in a folder."""
    dataset = dict(
        type='BaseSegDataset',
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        metainfo=dict(classes=['a', 'b', 'c']),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')],
    )
    return {**dataset, **changes}


def config_on(root: Path, **changes) -> Config:
    """Return a config of three classes that trains on such data, and neither validates nor tests."""
    cfg = Config.fromfile(config_path('fcn_pet'))
    cfg.train_dataloader.dataset = dataset_in(root, **changes)
    cfg.val_dataloader = cfg.test_dataloader = None
    return cfg
