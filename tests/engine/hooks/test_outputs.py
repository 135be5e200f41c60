"""What test.py writes: a file for each picture, whatever metric, process or augmentation there is."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from PIL import Image

from mmseg_vitseg.engine.running.command_line import load_config, set_outputs
from mmseg_vitseg.engine.running.runner import build_runner
from mmseg_vitseg.engine.running.tta import set_tta
from vitseg_tests.paths import config_path


@METRICS.register_module()
class ScaledIoU(IoUMetric):
    """A user's metric, which writes as the host's does."""

    def compute_metrics(self, results):
        return {name: value / 100 for name, value in super().compute_metrics(results).items()}


@METRICS.register_module()
class OwnWriting(IoUMetric):
    """A user's metric, which writes in a way of its own."""

    def process(self, data_batch, data_samples):
        super().process(data_batch, data_samples)


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Two data sets with pictures of the same names, in subfolders; masks count from 1."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    rng = np.random.default_rng(0)
    for root in 'ab':
        for name in ('images/x/1.png', 'images/y/1.png', 'images/2.png'):
            mask = tmp_path / root / name.replace('images', 'masks')
            for file, values in ((tmp_path / root / name, (16, 16, 3)), (mask, (16, 16))):
                file.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(file), rng.integers(0, 5, values, np.uint8))
    (tmp_path / 'two.py').write_text(f"""
_base_ = '{config_path('quickstart')}'
one = dict(type='BaseSegDataset', img_suffix='.png', reduce_zero_label=True, test_mode=True,
    data_prefix=dict(img_path='images', seg_map_path='masks'), metainfo=dict(classes=('a', 'b', 'c', 'd')),
    pipeline=[dict(type='mmseg_vitseg.LoadImage'), dict(type='mmseg_vitseg.LoadMask'), dict(type='PackSegInputs')])
test_dataloader = dict(_delete_=True, batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ConcatDataset', datasets=[dict(one, data_root='a'), dict(one, data_root='b')]))
tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=[
    [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)], [dict(type='LoadAnnotations')],
    [dict(type='PackSegInputs')]])]
""")
    return tmp_path / 'two.py'


def run(config, options=None, tta=False, **outputs):
    cfg = load_config(config, options={'work_dir': 'w', **(options or {})})
    cfg.experiment_name = cfg.visualizer.name = f'{options}{tta}'  # the host keeps them for the process
    set_outputs(cfg, **{'labels': None, 'pictures': None, **outputs})
    if tta:
        set_tta(cfg)
    return build_runner(cfg).test()


def written(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*.png'))


ALL = [f'{number}/{name}.png' for number in (1, 2) for name in ('2', 'x/1', 'y/1')]


@pytest.mark.filterwarnings('ignore:The shape of value will convert:UserWarning')  # of the host's own merging
@pytest.mark.parametrize('tta', [False, True])
def test_a_file_for_each_picture(config, tmp_path, tta):
    scores = run(config, tta=tta, labels='labels', pictures='shown')
    assert written(tmp_path / 'labels') == written(tmp_path / 'shown') == ALL
    assert scores['aAcc'] > 0
    for name in ALL:
        labels = np.array(Image.open(tmp_path / 'labels' / name))
        assert (labels.dtype, labels.shape) == (np.uint8, (16, 16))
        assert labels.min() >= 1  # as the masks count
        assert labels.max() <= 4
        assert np.array(Image.open(tmp_path / 'shown' / name)).shape == (16, 32, 3)


def test_a_users_metric_and_the_hosts_form_for_test_sets(config, tmp_path):
    options = {'test_evaluator.type': 'ScaledIoU'}
    assert 0 < run(config, options, labels='labels')['aAcc'] <= 1
    assert written(tmp_path / 'labels') == ALL
    options = {'test_evaluator.format_only': True, 'test_evaluator.output_dir': 'submitted'}
    assert run(config, options) == {}
    assert written(tmp_path / 'submitted') == ALL


def test_a_metric_that_writes_in_its_own_way_is_left_and_said(monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_vitseg.engine.running.command_line.print_log', lambda text, **_: said.append(text))
    metrics = [dict(type='IoUMetric', output_dir='x'), dict(type='OwnWriting', format_only=True)]
    cfg = Config(dict(test_evaluator=metrics, default_hooks=dict()))
    set_outputs(cfg, labels='labels', pictures=None)
    assert cfg.test_evaluator == [
        dict(type='IoUMetric'), dict(type='OwnWriting', format_only=True, output_dir='labels/OwnWriting')
    ]  # fmt: skip
    assert 'OwnWriting writes to labels/OwnWriting in a way of its own' in said[0]
