"""Configs that are right have no findings: the host's of every family, and all of ours."""

import pytest
from mmengine.config import Config

from mmseg_vitseg.checking.checks import check_config
from vitseg_tests.host_configs import PUBLISHED
from vitseg_tests.paths import ROOT

FAMILIES = sorted(path for path in PUBLISHED.iterdir() if path.is_dir() and path.name != '_base_')
OURS = sorted((ROOT / 'configs').glob('*.py'))

# What is found in published configs, and is so.
MISTAKES = {
    'beit-large_upernet_8xb1-amp-160k_ade20k-640x640_ms': ['param_scheduler.1.end'],  # 320,000 iterations
    'bisenetv2_fcn_4xb4-ohem-160k_cityscapes-1024x1024': ['models', 'model.data_preprocessor.size'],
    'deeplabv3plus_r50-d8_4xb2-300k_mapillay_v1_65-1280x1280': ['model.data_preprocessor.size'],  # crops 512 x 1024
    'knet-s3_swin-l_upernet_8xb2-adamw-80k_ade20k-640x640': ['model.data_preprocessor.size'],  # its pipeline is lost
    'ocrnet_r101-d8_8xb2-80k_cityscapes-512x1024': ['param_scheduler.0.end'],  # 40,000
    'san-vit-l14_voc12aug-640x640': [  # to test what was trained on COCO-Stuff: it cannot be trained on VOC
        'model.decode_head.num_classes',
        'val_dataloader.dataset.type',
        'model.decode_head.loss_decode.0.class_weight',
    ],
    'swin-tiny-patch4-window7_upernet_1xb8-20k_levir-256x256': ['model.data_preprocessor.type'],  # it cannot be built
    'upernet_r18_4xb4-160k_ade20k-512x512': ['model.data_preprocessor.size'],  # none at all
}


def keys(cfg: Config) -> list[str]:
    """Return where the findings are, but for pretrained files that are not here."""
    return [finding.key for finding in check_config(cfg) if not finding.what.startswith('no file')]


@pytest.mark.parametrize('folder', FAMILIES, ids=lambda folder: folder.name)
def test_the_hosts_configs(folder):
    names = sorted(folder.glob('*.py'))
    for path in {names[-1], *(path for path in names if path.stem in MISTAKES)}:
        try:
            cfg = Config.fromfile(path)
        except ImportError as problem:
            pytest.skip(f'{path.name} needs a project that is not installed: {problem}'.splitlines()[0])
        assert keys(cfg) == MISTAKES.get(path.stem, []), path.name


@pytest.mark.parametrize('path', OURS, ids=lambda path: path.stem)
def test_our_configs(path):
    assert keys(Config.fromfile(path)) == []
