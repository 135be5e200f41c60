"""What a training needs of the machine that it starts on, is said before it starts."""

import pytest
from mmengine.config import Config

from mmseg_vitseg.checking import machine_lacks
from mmseg_vitseg.checking.checks import check_config
from mmseg_vitseg.checking.training_setup import Setup


@pytest.mark.parametrize(
    ('device', 'kind', 'found'),
    [
        ('cpu', 'AmpOptimWrapper', True),
        ('cpu', 'mmengine.AmpOptimWrapper', True),
        ('cuda', 'AmpOptimWrapper', False),
        ('cpu', 'OptimWrapper', False),
        ('cpu', 'mmseg_vitseg.CPUAmpOptimWrapper', False),
    ],
)
def test_the_hosts_mixed_precision_on_a_cpu(monkeypatch, device, kind, found):
    monkeypatch.setattr(machine_lacks, 'get_device', lambda: device)
    cfg = Config(dict(model=dict(type='EncoderDecoder'), optim_wrapper=dict(type=kind)))
    keys = [finding.key for finding in machine_lacks.gpu_precision_on_cpu(Setup(cfg))]
    assert keys == ['optim_wrapper.type'] * found


def test_a_package_that_is_not_there():
    parts = [dict(type='mmseg.FCNHead'), dict(type='not_there.Head', assigner=dict(type='not_there.Assigner'))]
    cfg = Config(dict(model=dict(type='EncoderDecoder', decode_head=parts), default_scope='mmseg'))
    (finding,) = machine_lacks.missing_packages(Setup(cfg))
    assert (finding.key, finding.fix) == ('model.decode_head.1.type', 'install not_there')
    assert any('not_there.Head' in str(one) for one in check_config(cfg, starting=True))
