"""Test-time augmentation put into a config."""

import pytest
from mmengine.config import Config

from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.engine.running.tta import read_alike, set_tta


def test_it_takes_the_place_of_pipelines_and_model():
    cfg = Config(dict(model=dict(type='M'), test_dataloader=dict(dataset=dict())))
    with pytest.raises(ConfigError, match='tta_pipeline'):
        set_tta(cfg)
    cfg.tta_pipeline, cfg.tta_model = [dict(type='TestTimeAug')], dict(type='SegTTAModel')
    set_tta(cfg)
    assert cfg.model == dict(type='SegTTAModel', module=dict(type='M'))


def test_tta_of_data_sets_in_wrappers_and_of_one_logit():
    steps, one = [dict(type='TestTimeAug')], dict(type='A', pipeline=[dict(type='B')])
    wrapped = dict(type='ConcatDataset', datasets=[dict(type='RepeatDataset', times=2, dataset=one), one])
    model = dict(type='M', decode_head=dict(num_classes=2, out_channels=1))
    cfg = Config(
        dict(
            tta_pipeline=steps,
            tta_model=dict(type='SegTTAModel'),
            model=model,
            test_dataloader=dict(dataset=wrapped),
        )
    )
    set_tta(cfg)
    assert cfg.model == dict(type='mmseg_vitseg.SegTTAModel', module=model)
    first, second = cfg.test_dataloader.dataset.datasets
    assert first.dataset.pipeline == second.pipeline == steps
    assert 'pipeline' not in {**cfg.test_dataloader.dataset, **first}
    for wrong in ([dict(dataset=one)] * 2, dict(dataset=[one, one])):
        cfg.test_dataloader = wrong
        with pytest.raises(ValueError, match=r'a list of 2; allowed: .*ConcatDataset'):
            set_tta(cfg)


def test_tta_reads_as_the_test_pipeline_does():
    flips, pack = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)], [dict(type='PackSegInputs')]
    load, mask = dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')
    steps = [load, dict(type='TestTimeAug', transforms=[flips, [mask], pack])]
    grey, values = dict(load, color_type='grayscale'), dict(type='mmseg_vitseg.LoadMask', values={0: 0, 255: 1})
    other = dict(type='mmseg_vitseg.LoadImage')
    for pipeline, first, branches in (
        ([load, mask, *pack], [load], [flips, [mask], pack]),
        ([grey, other, values, *pack], [grey, other], [flips, [values], pack]),
        ([grey, *pack], [grey], [flips, pack]),  # without truth
        ([dict(type='MyReader'), *pack], [load], [flips, [mask], pack]),
        ([dict(type='MyReader'), values, *pack], [load], [flips, [values], pack]),
        ([grey, values, values], [grey], [flips, [values], [values], pack]),
    ):
        assert read_alike(steps, pipeline) == [*first, dict(type='TestTimeAug', transforms=branches)]
