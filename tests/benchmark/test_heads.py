"""benchmarks/heads.py: each head on each data set has the same steps, crops and scores; tables of what was measured."""

import json

import pytest

import heads
from vitseg_tests.our_configs import build_on_meta, heads_of


@pytest.mark.parametrize('data', heads.DATA)
def test_heads_differ_in_model_and_optimizer_alone(data):
    """And in the schedule of the learning rate."""
    first, *others = (heads.composed(data, head, 3) for head in heads.HEADS)
    for cfg in (first, *others):
        if data == 'camvid':  # with other classes than its config's
            build_on_meta(cfg)
        assert {head.num_classes for head in heads_of(cfg)} == {heads.DATA[data].classes}
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
    lines = list(heads.tables(tmp_path, rows))
    assert lines[0] == 'pet, 4 epochs'
    eomt, pup = (line for line in lines if line.startswith(('| EoMT', '| SETR-PUP')))
    assert eomt.startswith('| EoMT | 3 | 79.00 ± 1.00 | 90.00 ± 0.00 |')
    assert eomt.endswith('| 22.5 | 1234 | 50.5 | not measured | not measured |')
    assert pup.endswith('| not measured |')
    heads.draw(tmp_path, rows)
    assert (tmp_path / 'heads.png').stat().st_size > 5000
