"""Pretrained files are told from their names and shapes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from safetensors.torch import save_file

from mmseg_vitseg.checking.checks import check_config
from mmseg_vitseg.checkpoints import file_kinds
from mmseg_vitseg.checkpoints.reading import read_shapes
from vitseg_tests.host_configs import PUBLISHED
from vitseg_tests.paths import config_path

ROOT_KEY = 'model.backbone.init_cfg.checkpoint'
FCN = PUBLISHED / 'fcn/fcn_r18-d8_4xb2-80k_cityscapes-512x1024.py'
VIT = dict(type='mmseg_vitseg.VisionTransformer', variant='tiny', num_layers=1, img_size=32)


def ours(path: Path, **changes) -> Config:
    """Return our config of a small ViT that starts from a file."""
    cfg = Config.fromfile(config_path('vit_tiny_linear_pet'))
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    cfg.model.backbone = dict(VIT, patch_size=16, init_cfg=init_cfg, **changes)
    cfg.model.data_preprocessor.update(mean=[127.5] * 3, std=[127.5] * 3)
    cfg.model.decode_head.update(patch_size=16, in_channels=changes.get('embed_dims', 192))
    return cfg


def weights(**changes) -> dict[str, torch.Tensor]:
    return MODELS.build(dict(VIT, **changes)).state_dict()


@pytest.mark.parametrize('suffix', ['safetensors', 'pth'])
def test_a_file_that_fits_and_one_that_does_not(tmp_path, suffix):
    path = tmp_path / f'weights.{suffix}'
    save = save_file if suffix == 'safetensors' else torch.save
    save(weights(img_size=64), path)  # the position grid is resized when it is loaded
    assert check_config(ours(path)) == []
    (finding,) = check_config(ours(path, embed_dims=96))
    assert (finding.severity, finding.key) == ('error', ROOT_KEY)
    for words in (str(path), 'does not fit', 'of another shape', '192', '96', 'name a file of this model'):
        assert words in str(finding)


def test_resizing_of_patches_is_an_option_that_counts(tmp_path):
    torch.save(weights(patch_size=8), tmp_path / 'weights.pth')
    cfg = ours(tmp_path / 'weights.pth')
    assert [finding.key for finding in check_config(cfg)] == [ROOT_KEY]
    cfg.model.backbone.init_cfg.resize_patches = True
    assert check_config(cfg) == []


def test_a_damaged_file(tmp_path):
    (tmp_path / 'weights.pth').write_bytes(b'<!doctype html>')
    (finding,) = check_config(ours(tmp_path / 'weights.pth'))
    assert 'a web page' in finding.what


def test_the_hosts_backbones_take_what_fits(tmp_path):
    cfg = Config.fromfile(FCN)
    resnet = MODELS.build(cfg.model.backbone).state_dict()
    path = tmp_path / 'resnet.pth'
    cfg.model.pretrained = str(path)
    torch.save(dict([*resnet.items()][:5]), path)
    assert check_config(cfg) == []
    for wrong in ({f'backbone.{name}': value for name, value in resnet.items()}, weights()):
        torch.save(wrong, path)
        (finding,) = check_config(cfg)
        assert (finding.severity, finding.key) == ('error', 'model.pretrained')
        assert 'no name of the backbone' in finding.what
    cfg.model.pretrained = None
    torch.save({f'backbone.{name}': value for name, value in resnet.items()}, path)
    cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(path), prefix='backbone.')
    assert check_config(cfg) == []


def test_shapes_of_an_npz_are_read_without_the_arrays(tmp_path, monkeypatch):
    path = tmp_path / 'weights.npz'
    np.savez(path, **{'Transformer/pos': np.zeros((1, 5, 7), np.float32)})
    monkeypatch.setattr(file_kinds.np, 'load', None)
    (shape,) = read_shapes(path).items()
    assert (shape[0], tuple(shape[1].shape), shape[1].device.type) == ('Transformer/pos', (1, 5, 7), 'meta')
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match='damaged'):
        read_shapes(path)
