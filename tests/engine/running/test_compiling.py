"""`compile` of a config, through the tools: resuming, checkpoints, what users mistake."""

import pytest
import torch

from vitseg_tests.logs import losses
from vitseg_tests.paths import config_path

pytestmark = pytest.mark.filterwarnings('ignore')  # torch's own, while it compiles

# quickstart in 2 epochs of 2 iterations, with what else looks into a model
SMALL = f"""
_base_ = {str(config_path('quickstart'))!r}
model = dict(
    backbone=dict(num_layers=1, embed_dims=16, drop_rate=0.1, with_cp=True), decode_head=dict(in_channels=16))
train_dataloader = dict(batch_size=4, dataset=dict(length=8))
val_dataloader = test_dataloader = dict(dataset=dict(length=4))
train_cfg = dict(max_epochs=2)
default_hooks = dict(logger=dict(interval=1), progress=dict(num_images=1))
custom_hooks = [dict(type='EMAHook')]
optim_wrapper = dict(constructor='mmseg_vitseg.ViTLayerDecayConstructor', paramwise_cfg=dict(
    layer_decay_rate=0.9))
"""
QUICK = 'compile.backend=aot_eager'  # as the default, but for its compiler, which takes a minute


def weights(path) -> dict[str, torch.Tensor]:
    return torch.load(path, map_location='cpu', weights_only=False)['state_dict']  # written by the test itself


@pytest.fixture
def run(call, tmp_path, monkeypatch):
    """Run a command on the small config."""
    import torch._dynamo.utils  # takes a second

    monkeypatch.chdir(tmp_path)
    (tmp_path / 'small.py').write_text(SMALL)

    def run(command: str, arguments: str, *options: str):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        return call(f'{command} small.py {arguments} --cfg-options launcher=none {" ".join(options)}')

    yield run
    torch._dynamo.reset()


def test_a_training_goes_on_to_the_same_bits_and_its_files_are_as_of_any_other(run, tmp_path):
    for work_dir, options in (('plain', []), ('whole', [QUICK])):
        finished = run('train', f'--work-dir {work_dir}', *options)
        assert finished.status == 0, finished.err
    (tmp_path / 'resumed').mkdir()
    (tmp_path / 'resumed/epoch_1.pth').write_bytes((tmp_path / 'whole/epoch_1.pth').read_bytes())
    assert run('train', '--work-dir resumed --resume', QUICK).status == 0
    plain, whole, resumed = (weights(tmp_path / f'{name}/epoch_2.pth') for name in ('plain', 'whole', 'resumed'))
    assert list(whole) == list(plain)
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
    assert losses(tmp_path / 'resumed') == losses(tmp_path / 'whole')[2:]
    for flags in ('', '--tta'):
        finished = run('test', f'whole/epoch_2.pth {flags}', QUICK)
        assert finished.status == 0, finished.err
        assert 'The model is compiled' in finished.out
        assert torch._dynamo.utils.counters['stats']['unique_graphs'] >= 1


@pytest.mark.parametrize(
    ('option', 'words'),
    [
        ('compile=yes', "compile='yes'; allowed: True, or options"),
        ('compile.backend=guess', "Invalid backend: 'guess'"),
    ],
)
def test_what_torch_has_not_is_one_line(run, option, words):
    finished = run('train', '--work-dir out', option)
    assert finished.status == 2
    assert words in finished.err
    assert len(finished.err.splitlines()) == 1
