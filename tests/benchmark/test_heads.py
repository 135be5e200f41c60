"""benchmarks/heads.py: each head on each data set has the same steps, crops and scores; tables of what was measured."""

import json

import pytest

import heads_tables
from heads_configs import DATA, HEADS, composed
from vitseg_tests.our_configs import build_on_meta, heads_of


@pytest.mark.parametrize('data', DATA)
def test_heads_differ_in_model_and_optimizer_alone(data):
    """And in the schedule of the learning rate."""
    first, *others = (composed(data, head, 3) for head in HEADS)
    for cfg in (first, *others):
        if data == 'camvid':  # with other classes than its config's
            build_on_meta(cfg)
        assert {head.num_classes for head in heads_of(cfg)} == {DATA[data].classes}
        assert {scheduler.end for scheduler in cfg.param_scheduler if scheduler.get('by_epoch')} <= {3}
        for key in ('train_dataloader', 'test_dataloader', 'test_evaluator', 'train_cfg'):
            assert cfg.get(key) == first.get(key)
        assert all(cfg.model.data_preprocessor[key] == first.model.data_preprocessor[key] for key in ('mean', 'std'))
        assert cfg.model.backbone.init_cfg.checkpoint == first.model.backbone.init_cfg.checkpoint


def test_table_and_figure(tmp_path):
    rows = [
        dict(data='pet', head=head, seed=seed, mIoU=score + seed, aAcc=90.0, mAcc=80.0, mBF=40.0, epochs=4)
        for head, score in (('setr_pup', 74.0), ('eomt', 78.0))
        for seed in range(3)
    ]
    costs = dict(eomt=dict(params_m=22.5, predict_ms=1234.4, predict_mb=50.5, train_ms=None, train_mb=None))
    (tmp_path / 'costs_pet.json').write_text(json.dumps(costs))
    lines = list(heads_tables.tables(tmp_path, rows))
    assert lines[0] == 'pet, 4 epochs'
    eomt, pup = (line for line in lines if line.startswith(('| EoMT', '| SETR-PUP')))
    assert eomt.startswith('| EoMT | 3 | 79.00 ± 1.00 | 90.00 ± 0.00 |')
    assert eomt.endswith('| 22.5 | 1234 | 50.5 | not measured | not measured |')
    assert pup.endswith('| not measured |')
    heads_tables.draw(tmp_path, rows)
    assert (tmp_path / 'heads.png').stat().st_size > 5000


def test_rates_are_chosen_on_training_pictures_alone(tmp_path, monkeypatch):
    names = [f'pug_{index}' for index in range(12)]
    (tmp_path / 'images').mkdir()
    (tmp_path / 'annotations/trimaps').mkdir(parents=True)
    (tmp_path / 'annotations/trainval.txt').write_text(''.join(f'{name} 1 1 1\n' for name in names))
    for name in names:
        (tmp_path / f'images/{name}.jpg').touch()
        (tmp_path / f'annotations/trimaps/{name}.png').touch()
    monkeypatch.setenv('PET_ROOT', str(tmp_path))
    cfg = composed('pet', 'fcn', 2, rate=3e-3)
    assert cfg.optim_wrapper.paramwise_cfg.head_lr_mult * cfg.optim_wrapper.optimizer.lr == pytest.approx(3e-3)
    train, held = cfg.train_dataloader.dataset, cfg.val_dataloader.dataset
    assert train.ann_file == held.ann_file == 'annotations/trainval.txt'
    assert sorted([*train.indices, *held.indices]) == list(range(12))
    assert held.indices == [0, 6]
    assert cfg.test_dataloader == cfg.val_dataloader


def test_table_of_rates():
    rows = [
        dict(data='pet', head='fcn', rate=rate, mIoU=score)
        for rate, score in ((1e-3, 60.0), (2e-3, 62.0), (None, 64.0))
    ]
    assert list(heads_tables.rates_table(rows))[2] == '| pet | FCN (the host) | 60.00 | 62.00 |'
