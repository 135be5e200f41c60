"""Each config builds and predicts, fits its data, says what it is, and is the same when dumped or derived."""

import copy
import re

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS

from vitseg_tests.our_configs import CONFIGS, build, build_on_meta, heads_of

LARGE = [
    path
    for path in CONFIGS
    if path.name.startswith(('setr_', 'dinov2_', 'dinov3_', 'eomt_')) and not path.name.endswith('_pet.py')
]
ENCODER_WIDTHS = (384, 768, 1024, 1536)  # of ViT-S to ViT-g, by which decoders that need shrinking are known
FOR_LEAVES = ('at_crops', 'dino', 'vit_base', 'vits14')  # variables of bases, which a leaf puts into its model


def shrink(cfg: Config) -> Config:
    """Make the encoder of a large config 32 wide; depth, levels and decoders stay the config's."""

    def narrow(value):
        if isinstance(value, dict):
            return type(value)({key: narrow(item) if key == 'in_channels' else item for key, item in value.items()})
        if isinstance(value, (list, tuple)):
            return type(value)(narrow(item) for item in value)
        return 32 if value in ENCODER_WIDTHS else value

    cfg = copy.deepcopy(cfg)
    cfg.model.backbone.update(embed_dims=32, num_heads=2)
    for name in ('neck', 'decode_head', 'auxiliary_head'):
        if name in cfg.model:
            cfg.model[name] = narrow(cfg.model[name])
    return cfg


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_every_config_builds_and_predicts(path):
    cfg = Config.fromfile(path)
    assert cfg.default_scope == 'mmseg'
    build_on_meta(cfg)
    model = build(shrink(cfg) if path in LARGE else cfg)
    with torch.no_grad():
        (sample,) = model(torch.rand(1, cfg.model.backbone.get('in_channels', 3), 64, 64), mode='predict')
    assert sample.pred_sem_seg.data.shape == (1, 64, 64)
    assert path.read_text().startswith('"""'), 'a config says what it is and what it scored'


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_a_config_fits_its_data(path):
    cfg = Config.fromfile(path)
    dataset = DATASETS.get(cfg.train_dataloader.dataset.type)
    # the host's inference tools read the pipelines by these names
    assert cfg.train_pipeline == cfg.train_dataloader.dataset.pipeline
    assert cfg.test_pipeline == cfg.test_dataloader.dataset.pipeline
    assert {head.num_classes for head in heads_of(cfg)} == {len(dataset.METAINFO['classes'])}
    assert cfg.val_dataloader.dataset.type == cfg.train_dataloader.dataset.type
    # test-time augmentation starts from the test's size, or from factors of the pictures' own
    transforms = next(step for step in cfg.tta_pipeline if step.type == 'TestTimeAug').transforms
    resizes = [step for alternatives in transforms for step in alternatives if step.type == 'Resize']
    tested = [step for step in cfg.test_pipeline if step.type == 'Resize']
    assert resizes == tested or all('scale_factor' in step for step in resizes)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_a_config_is_the_same_when_dumped_or_derived(path, tmp_path):
    cfg = Config.fromfile(path)
    assert [name for name in FOR_LEAVES if name in cfg] == []
    cfg.dump(tmp_path / 'dumped.py')
    (tmp_path / 'derived.py').write_text(f'_base_ = {str(path)!r}\n')
    for name in ('dumped.py', 'derived.py'):
        assert Config.fromfile(tmp_path / name).to_dict() == cfg.to_dict()


def test_no_config_repeats_another():
    """House style: a leaf config is short, and no long line of its settings stands in a second one."""
    seen = {}
    for path in CONFIGS:
        text = path.read_text()
        body = text[text.index('"""', 3) + 3 :]
        for line in body.splitlines():
            line = line.strip()
            if len(line) > 60 and not re.search(r'\b_base_\b', line):  # which hands on what a base says
                assert line not in seen, f'{path.name} repeats {seen[line]}: {line}'
                seen[line] = path.name
