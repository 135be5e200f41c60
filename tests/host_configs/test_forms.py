"""One config in each form that mmengine reads, through the tools: pure Python, what is dumped of it, upgraded."""

from pathlib import Path

import pytest
from mmengine.config import Config

from vitseg_tests.marks import LONG

LAZY = """
from mmcv.transforms import LoadImageFromFile, TestTimeAug
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.hooks import CheckpointHook, LoggerHook, ParamSchedulerHook
from mmengine.optim import OptimWrapper, PolyLR
from mmengine.runner import IterBasedTrainLoop, TestLoop, ValLoop
from mmengine.visualization import LocalVisBackend
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs, RandomCrop, Resize
from mmseg.evaluation import IoUMetric
from mmseg.models import EncoderDecoder, MixVisionTransformer, SegDataPreProcessor, SegformerHead, SegTTAModel
from mmseg.models.losses import CrossEntropyLoss
from mmseg.visualization import SegLocalVisualizer
from torch.nn import SyncBatchNorm
from torch.optim import AdamW

from mmseg_vitseg.datasets import ShapesDataset

default_scope = DEFAULT_SCOPE
model = dict(
    type=EncoderDecoder,
    data_preprocessor=dict(
        type=SegDataPreProcessor, mean=[99.0] * 3, std=[58.0] * 3, bgr_to_rgb=True, size=(64, 64), seg_pad_val=255
    ),
    backbone=dict(
        type=MixVisionTransformer, embed_dims=8, num_layers=[1] * 4, num_heads=[1, 2, 4, 8], patch_sizes=[7, 3, 3, 3],
        sr_ratios=[8, 4, 2, 1],
    ),
    decode_head=dict(
        type=SegformerHead, in_channels=[8, 16, 32, 64], in_index=[0, 1, 2, 3], channels=16, num_classes=4,
        dropout_ratio=0.1, norm_cfg=dict(type=SyncBatchNorm), align_corners=False, loss_decode=dict(type=CrossEntropyLoss),
    ),
    test_cfg=dict(mode='whole'),
)
train_pipeline = [
    dict(type=LoadImageFromFile), dict(type=LoadAnnotations), dict(type=RandomCrop, crop_size=64), dict(type=PackSegInputs)
]
test_pipeline = [
    dict(type=LoadImageFromFile), dict(type=Resize, scale=(64, 64)), dict(type=LoadAnnotations), dict(type=PackSegInputs)
]
tta_pipeline = [
    dict(type=LoadImageFromFile),
    dict(type=TestTimeAug, transforms=[
        [dict(type=Resize, scale_factor=1.0), dict(type=Resize, scale_factor=1.5)],
        [dict(type=LoadAnnotations)],
        [dict(type=PackSegInputs)],
    ]),
]
tta_model = dict(type=SegTTAModel)
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type=InfiniteSampler, shuffle=True),
    dataset=dict(type=ShapesDataset, length=4, size=64, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(type=ShapesDataset, length=2, size=64, seed=1, pipeline=test_pipeline, test_mode=True),
)
test_dataloader = val_dataloader
val_evaluator = dict(type=IoUMetric, iou_metrics=['mIoU'])
test_evaluator = val_evaluator
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=AdamW, lr=1e-3))
train_cfg = dict(type=IterBasedTrainLoop, max_iters=4, val_interval=4)
val_cfg = dict(type=ValLoop)
test_cfg = dict(type=TestLoop)
param_scheduler = [dict(type=PolyLR, begin=0, end=4, by_epoch=False)]
default_hooks = dict(
    logger=dict(type=LoggerHook, interval=1), param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=2),
)
visualizer = dict(type=SegLocalVisualizer, vis_backends=[dict(type=LocalVisBackend)], name='visualizer')
"""
LAST = 'w/iter_4.pth'


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(call):
    """Run a tool that must end well."""

    def run(line: str) -> str:
        result = call(line)
        assert result.status == 0, (line, result.out[-2000:], result.err)
        return result.out

    return run


@pytest.mark.slow
@pytest.mark.parametrize('scope', ["'mmseg'", pytest.param('None', marks=LONG)])
def test_pure_python_through_all_tools(folder, run, host, shapes, scope):
    Path('lazy.py').write_text(LAZY.replace('DEFAULT_SCOPE', scope))
    assert 'nothing found' in run('check_config lazy.py --data')
    run('train lazy.py --work-dir w')
    Path(LAST).unlink()
    Path('w/last_checkpoint').write_text(str(folder / 'w/iter_2.pth'))
    run('train lazy.py --work-dir w --resume')
    assert 'aAcc' in run(f'test lazy.py {LAST} --out labels --show-dir shown')
    counts = host.counts
    assert host.test('lazy.py', LAST) == counts
    assert len([*Path('labels').rglob('*.png')]) == len([*Path('shown').rglob('*.png')]) == 2
    dumped = 'w/lazy.py'
    for name in ('dumped.json', 'dumped.yaml'):
        Config.fromfile(dumped).dump(name)
    run('upgrade_config lazy.py upgraded.py --shape 64 64')
    forms = (dumped, 'dumped.json', 'dumped.yaml', 'upgraded.py')
    for form in forms:
        run(f'test {form} {LAST}')
        assert host.counts == counts, form
    if scope == 'None':
        return
    run(f'test lazy.py {LAST} --tta')
    tested = host.counts
    assert host.test('lazy.py', LAST, '--tta') == tested
    run('train lazy.py --work-dir a --amp')
    for form in ('lazy.py', *forms):
        run(f'predict {form} {LAST} {shapes} --out predicted')
    for form in forms[1:]:
        run(f'train {form} --work-dir again --cfg-options train_cfg.max_iters=1')
    run(f'report lazy.py {LAST} --out report')
    run(f'compare --a lazy.py {LAST} --b upgraded.py {LAST} --out compared.png')
    run(f'export lazy.py {LAST} --format torchscript --out exported.pt --verify --fixed-size')
    run(f'attention upgraded.py {LAST} {shapes} --out attention.png')
    run('benchmark lazy.py --shape 64 64 --repeats 1')


@pytest.fixture
def shapes(folder) -> Path:
    import numpy as np
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(folder / 'photo.png')
    return folder / 'photo.png'
