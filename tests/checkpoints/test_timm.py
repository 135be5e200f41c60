"""timm's and torchvision's own models, built and run in an environment of theirs: TIMM_PYTHON names its interpreter."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS
from safetensors.torch import load_file
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.loading import load_pretrained_backbone
from mmseg_vitseg.ops.patch_kernel import change_input_channels, resize_patch_kernel
from vitseg_tests.paths import ROOT

NAMES = (
    'vit',
    'vit-without-qkv-bias',
    'vit-average',
    'dinov2',
    'dinov2-registers',
    'dinov2-g',
    'dinov3',
    'dinov3-qkvb',
    'dinov3-swiglu',
    'deit',
    'deit-distilled',
    'mae',
    'torchvision',
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    python = os.environ.get('TIMM_PYTHON')
    if not python:
        pytest.skip(
            'TIMM_PYTHON does not name an interpreter that has timm (tests/helpers/parity_timm.py says how to make one)'
        )
    path = tmp_path_factory.mktemp('timm')
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    script = ROOT / 'tests/helpers/parity_timm.py'
    result = subprocess.run([python, script, path], env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    return path


@pytest.mark.parametrize('name', NAMES)
def test_features_are_theirs(name, folder):
    arguments = json.loads((folder / 'models.json').read_text())['models'][name]
    model = MODELS.build(dict(type='mmseg_vitseg.VisionTransformer', **arguments)).eval()
    load_pretrained_backbone(model, folder / f'{name}.safetensors')
    pairs = load_file(folder / f'{name}.features.safetensors')
    sizes = [key.removeprefix('images-') for key in pairs if key.startswith('images-')]
    for size in sizes:
        with torch.no_grad():
            (features,) = model(pairs[f'images-{size}'])
        expected = pairs[f'features-{size}']
        print(f'{name}: {((features - expected).abs().max() / expected.abs().max()).item():.0e}')
        assert_close(features, expected)
    assert sizes


def test_kernels_are_resized_as_timm_does(folder):
    kernels = load_file(folder / 'kernels.safetensors')
    for size in (4, 12, 16):
        for mode in ('bilinear', 'bicubic'):
            resized = resize_patch_kernel(kernels['kernel'], size, mode=mode)
            # timm inverts in float32
            assert_close(resized, kernels[f'{size}-{mode}'], rtol=1e-3, atol=1e-4)
    for count in (1, 4, 6):
        assert_close(change_input_channels(kernels['kernel'], count), kernels[f'channels-{count}'])
