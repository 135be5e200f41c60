"""A head that trains on features of a disk learns what it learns with the backbone in the loop."""

import re

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS, MODELS
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.reading import read_checkpoint
from mmseg_vitseg.config.reading import read_config
from mmseg_vitseg.inference.model import load_model
from vitseg_tests.logs import losses
from vitseg_tests.probes import write_probe
from vitseg_tests.small_models import BACKBONES

NUMBER = r'\d+\.\d+'
SCORES = r'Epoch\(val\) \[5\].*(aAcc: .* mAcc: \d+\.\d+)'


def trained(call, work, config: str, name: str, *options: str) -> tuple[list, list[str], dict]:
    """Train, and return the losses, the scores of the last validation, and the last weights."""
    result = call(f'train {config} --work-dir {name} {" ".join(options)}')
    assert result.status == 0, result.err
    weights = read_checkpoint(work / name / 'epoch_5.pth')['state_dict']
    return losses(work / name), re.findall(SCORES, result.out), weights


@pytest.mark.parametrize(
    ('backbone', 'head', 'workers'),
    [
        ('vit', 'probe', 0),  # batch norm over two levels; a class token between pictures in memory
        ('dino', 'mla', 2),  # registers; a neck, which is trained; workers
        ('mit', 'segformer', 0),  # levels of two sizes
    ],
)
def test_the_same_losses_scores_and_weights_to_the_bit(call, work, backbone, head, workers):
    """Twenty iterations, with dropout, in an order that is drawn, of pictures that are flipped as it is drawn."""
    write_probe(work, backbone, head)
    options = ['--cfg-options', f'train_dataloader.num_workers={workers}']
    result = call('cache_features probe.py --out features')
    assert result.status == 0, result.err
    looped = trained(call, work, 'probe.py', 'looped', *options)
    cached = trained(call, work, 'features/probe_cached.py', 'cached', *options)
    assert len(looped[0]) == 20 and len(looped[1]) == 1
    assert cached[:2] == looped[:2]
    assert_close(cached[2], looped[2], rtol=0, atol=0)
    start = torch.load(work / 'weights.pth')
    assert any(not torch.equal(value, start[name]) for name, value in looped[2].items())


@pytest.mark.parametrize('backbone', BACKBONES)
def test_a_batch_is_in_memory_as_the_backbones_is(call, work, backbone):
    """Of more than a few pictures, a batch norm adds in an order that depends on it."""
    write_probe(work, backbone)
    call('cache_features probe.py --out features')
    cfg = read_config('features/probe_cached.py')
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    preprocessor.confirmed = True
    cached, plain = (DATASETS.build(one.val_dataloader.dataset) for one in (cfg, read_config('probe.py')))
    found, inputs = (
        preprocessor(pseudo_collate([data[index] for index in range(3)]))['inputs'] for data in (cached, plain)
    )
    expected = load_model('probe.py', 'weights.pth', 'cpu').backbone(inputs)
    assert [x.stride() for x in found] == [x.stride() for x in expected]
    assert_close(found, expected)


def test_its_checkpoint_is_the_first_configs(call, work):
    """Validation on features, of which pictures are drawn, and tests of either config on pictures give the same scores."""
    write_probe(work)
    call('cache_features probe.py --out features')
    progress = 'default_hooks.progress.type=mmseg_vitseg.PredictionProgressHook'
    _, (validated,), _ = trained(call, work, 'features/probe_cached.py', 'cached', '--cfg-options', progress)
    assert (work / 'cached/pictures/epoch_0005.png').exists()
    for config in ('probe.py', 'features/probe_cached.py'):
        tested = call(f'test {config} cached/epoch_5.pth --work-dir tested').out.splitlines()[-1]
        assert re.findall(NUMBER, tested) == [f'{float(number):.2f}' for number in re.findall(NUMBER, validated)]
