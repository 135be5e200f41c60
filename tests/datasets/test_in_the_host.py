"""Our configs in the host's own inference and tools, as they are."""

import runpy
import sys
import warnings
from pathlib import Path

import mmseg
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import MMSegInferencer, inference_model, init_model
from mmseg.registry import DATASETS
from PIL import Image

import mmseg_vitseg
from vitseg_tests.commands import forget
from vitseg_tests.paths import config_path

TOOLS = Path(mmseg.__path__[0], '.mim/tools')
SHORT = """
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False)
test_dataloader = dict(batch_size=1, num_workers=0, persistent_workers=False)
train_cfg = dict(max_epochs=1)
param_scheduler = [dict(type='LinearLR', by_epoch=False, begin=0, end=2)]
"""
MODELS = {
    'quickstart': 'model = dict(backbone=dict(embed_dims=32, num_layers=1, num_heads=2), '
    'decode_head=dict(in_channels=32))\n'
    'train_dataloader.update(dataset=dict(length=4))\nval_dataloader.update(dataset=dict(length=2))\n'
    'test_dataloader.update(dataset=dict(length=2))\n',
    'vit_tiny_linear_pet': 'model = dict(backbone=dict(num_layers=1))\n',
    'segformer_b0_camvid': 'model = dict(test_cfg=dict(mode="whole"))\n',
}


@pytest.fixture(params=MODELS)
def config(request, tmp_path, monkeypatch, small_pet, small_camvid):
    """The path of a config of ours, small and short, on small data; the work dir is here."""
    for folder in ('images', 'annotations'):
        (small_camvid / folder / 'val').symlink_to(small_camvid / folder / 'train')
    for file in small_camvid.glob('*/train/*'):
        Image.open(file).resize((64, 48), Image.Resampling.NEAREST).save(file)
    monkeypatch.setenv('PET_ROOT', str(small_pet))
    monkeypatch.setenv('CAMVID_ROOT', str(small_camvid))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'small.py'
    path.write_text(f'_base_ = {str(config_path(request.param))!r}\n{SHORT}{MODELS[request.param]}')
    return str(path)


@pytest.fixture
def checkpoint(config, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        model = mmseg_vitseg.load_model(config)
    for parameter in model.decode_head.parameters():  # so that several classes are predicted
        torch.nn.init.normal_(parameter)
    path = str(tmp_path / 'small.pth')
    torch.save(dict(state_dict=model.state_dict(), meta=dict(dataset_meta=model.dataset_meta)), path)
    return path


@pytest.fixture
def picture(tmp_path):
    path = str(tmp_path / 'picture.png')
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 48, 3), np.uint8)).save(path)
    return path


@pytest.mark.filterwarnings('ignore')  # the host's
def test_inference(config, checkpoint, picture):
    """As a path, an array (BGR) and lists of them: what our own prediction says."""
    ours = mmseg_vitseg.load_model(config, checkpoint, 'cpu')
    expected = mmseg_vitseg.predict(ours, picture)
    assert len(np.unique(expected)) > 1
    array = np.ascontiguousarray(np.array(Image.open(picture))[..., ::-1])
    inferencer = MMSegInferencer(model=config, weights=checkpoint, device='cpu', show_progress=False)
    for inputs in (picture, array):
        assert np.array_equal(inferencer(inputs)['predictions'], expected)
        assert all(np.array_equal(one, expected) for one in inferencer([inputs, inputs], batch_size=2)['predictions'])
        for model in (init_model(config, checkpoint, device='cpu'), ours):
            for results in ([inference_model(model, inputs)], inference_model(model, [inputs, inputs])):
                assert all(np.array_equal(one.pred_sem_seg.data[0], expected) for one in results)


@pytest.fixture
def host(monkeypatch):
    """Run a tool of the host's in this process."""
    if not TOOLS.is_dir():
        pytest.skip(f'the host has no tools in {TOOLS}')
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    monkeypatch.setenv('MPLBACKEND', 'Agg')
    monkeypatch.setattr('logging.raiseExceptions', False)  # of handlers whose stream is another test's

    def run(tool: str, *arguments: str) -> None:
        monkeypatch.setattr(sys, 'argv', [tool, *arguments])
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            try:
                runpy.run_path(str(TOOLS / tool), run_name='__main__')
            finally:
                forget()

    return run


@pytest.mark.parametrize('config', ['vit_tiny_linear_pet'], indirect=True)
def test_training_and_testing(config, host):
    host('train.py', config, '--work-dir', 'work')
    host('test.py', config, 'work/epoch_1.pth', '--work-dir', 'tested', '--out', 'out')
    written = len(list(Path('out').glob('*.png')))
    assert written == len(DATASETS.build(Config.fromfile(config).test_dataloader.dataset))
    host('misc/browse_dataset.py', config, '--output-dir', 'browsed', '--not-show')
    assert list(Path('browsed').iterdir())


@pytest.mark.parametrize('config', ['quickstart'], indirect=True)
def test_further_tools(config, checkpoint, host, capsys):
    hook = 'default_hooks.visualization'  # the host's own runtime has one
    show = ('--show-dir', 'show', '--cfg-options', f'{hook}.type=SegVisualizationHook')
    host('test.py', config, checkpoint, '--work-dir', 'tested', '--tta', '--out', 'out')
    host('test.py', config, checkpoint, '--work-dir', 'shown', *show)
    assert len(list(Path('show').glob('**/*.png'))) == 2
    host('analysis_tools/confusion_matrix.py', config, 'out', 'matrix')
    assert Path('matrix/confusion_matrix.png').is_file()
    capsys.readouterr()
    host('analysis_tools/get_flops.py', config, '--shape', '64', '64')
    assert 'Flops: ' in capsys.readouterr().out
    longer = Path('longer.py')  # it measures from the sixth picture to the 200th
    longer.write_text(f'_base_ = {config!r}\ntest_dataloader = dict(dataset=dict(length=200))\n')
    host('analysis_tools/benchmark.py', str(longer), checkpoint, '--work-dir', 'measured')
    assert list(Path('measured').glob('fps_*.json'))
    host('misc/print_config.py', config)
