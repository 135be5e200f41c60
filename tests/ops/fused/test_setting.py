"""Where the kernels are used, and how they are turned off."""

from types import SimpleNamespace

import pytest
import torch

from mmseg_vitseg.ops.fused import setting


def logits(dtype):
    return SimpleNamespace(dtype=dtype, device=torch.device('cuda', 0))


@pytest.mark.parametrize(
    ('dtype', 'variable', 'capability', 'cuda', 'installed', 'expected'),
    [
        (torch.float32, None, (8, 0), '13.0', True, True),
        (torch.bfloat16, '1', (9, 0), '13.0', True, True),
        (torch.float16, '', (8, 9), '13.0', True, True),
        (torch.float64, None, (8, 0), '13.0', True, False),  # computed in float32
        (torch.float32, '0', (8, 0), '13.0', True, False),  # turned off
        (torch.float32, None, (7, 5), '13.0', True, False),  # older than what they are compiled for in tests
        (torch.float32, None, (9, 0), None, True, False),  # ROCm
        (torch.float32, None, (8, 0), '13.0', False, False),
    ],
)
def test_where(dtype, variable, capability, cuda, installed, expected, monkeypatch):
    setting._has_compiler.cache_clear()
    monkeypatch.delenv('MMSEG_VITSEG_FUSED', raising=False)
    if variable is not None:
        monkeypatch.setenv('MMSEG_VITSEG_FUSED', variable)
    monkeypatch.setattr(torch.version, 'cuda', cuda)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: capability)
    monkeypatch.setattr(setting, 'find_spec', lambda name: installed or None)
    assert setting.is_fused(logits(dtype)) is expected
    setting._has_compiler.cache_clear()


def test_not_on_a_cpu():
    assert not setting.is_fused(torch.zeros(1))


@pytest.mark.parametrize(
    ('variable', 'dtype', 'expected'), [('1', torch.half, True), ('0', torch.half, False), ('1', torch.double, False)]
)
def test_counted_on_the_meta_device(variable, dtype, expected, monkeypatch):
    monkeypatch.setenv('MMSEG_VITSEG_FUSED', variable)
    assert setting.is_fused(torch.zeros(1, dtype=dtype, device='meta')) is expected
