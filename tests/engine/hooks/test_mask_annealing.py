"""Masks taken away block by block: the authors' rule, in any training, resumed ones too."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmseg.registry import MODELS

from mmseg_vitseg.engine import MaskAnnealingHook
from mmseg_vitseg.engine.hooks.mask_annealing import head_of, mask_probability, phases
from mmseg_vitseg.engine.resuming.start import set_resume
from mmseg_vitseg.engine.running.command_line import load_config
from mmseg_vitseg.engine.running.runner import build_runner
from vitseg_tests.eomt_training import EOMT, TRAINING
from vitseg_tests.logs import losses
from vitseg_tests.ranks import on_ranks


@pytest.mark.parametrize(
    ('length', 'blocks', 'starts', 'ends'),
    [
        (39120, 4, [6520, 13040, 19560, 26080], [13040, 19560, 26080, 32600]),  # the authors', ADE20K, ViT-L
        (19902, 4, [3317, 6634, 9951, 13268], [6634, 9951, 13268, 16585]),  # Cityscapes
        (180, 3, [36, 72, 108], [72, 108, 144]),
        (8, 2, [2, 4], [4, 6]),
        (4, 3, [0, 1, 2], [1, 2, 3]),  # fewer iterations than parts
    ],
)
def test_phases_of_a_length(length, blocks, starts, ends):
    assert phases(length, blocks) == (starts, ends)


def test_a_phase_falls_as_torchs_polynomial():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(()))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, 7, 0.9)
    found = [1.0] * 5
    for _ in range(12):
        found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    torch.testing.assert_close([mask_probability(step, 5, 12) for step in range(17)], found)


def train(config: Path, work_dir: Path, resume: Path | None = None) -> None:
    cfg = load_config(config, work_dir=str(work_dir))
    set_resume(cfg, resume and str(resume))
    build_runner(cfg).train()


def logged(work_dir: Path) -> list[list[float]]:
    """Return each iteration's probabilities, of the two blocks."""
    (path,) = work_dir.glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [[row['mask_prob_0'], row['mask_prob_1']] for row in rows if 'loss' in row]


def expected(*spans: tuple[int, int]) -> list[list[float]]:
    return [[mask_probability(step, *span) for span in spans] for step in range(8)]


def test_a_training_and_its_resumption(tmp_path, quick_host):
    (tmp_path / 'small.py').write_text(TRAINING)
    for name, resume in (('whole', None), ('resumed', tmp_path / 'whole/iter_5.pth')):
        assert on_ranks(1, partial(train, tmp_path / 'small.py', tmp_path / name, resume)) == [None]
    assert logged(tmp_path / 'whole') == expected((2, 4), (4, 6))
    assert logged(tmp_path / 'resumed') == logged(tmp_path / 'whole')[5:]
    assert len(losses(tmp_path / 'whole')) == 8
    assert losses(tmp_path / 'resumed') == losses(tmp_path / 'whole')[5:]


def test_epochs_and_phases_that_are_given(tmp_path, quick_host):
    epochs = """
train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=4)
train_dataloader.update(sampler=dict(type='DefaultSampler', shuffle=True))
train_dataloader['dataset'].update(length=4)
default_hooks.update(mask_annealing=dict(type='mmseg_vitseg.MaskAnnealingHook', starts=(0, 3), ends=(3, 7)))
"""
    (tmp_path / 'small.py').write_text(TRAINING + epochs)
    assert on_ranks(1, partial(train, tmp_path / 'small.py', tmp_path / 'run')) == [None]
    assert logged(tmp_path / 'run') == expected((0, 3), (3, 7))


class Recorder:
    """What a hook asks of a Runner."""

    def __init__(self, model, *, max_iters: int = 8):
        self.model, self.max_iters, self.iter, self.message_hub = model, max_iters, 3, self

    def update_scalar(self, *_) -> None:
        pass


def set_in(model) -> list[float]:
    hook, runner = MaskAnnealingHook(), Recorder(model)
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    return head_of(model).mask_probs.tolist()


def of_a_parallel_model() -> list[float]:
    return set_in(MMDistributedDataParallel(MODELS.build(EOMT)))


@pytest.mark.filterwarnings('ignore:.*torch.jit:DeprecationWarning')  # what torch.compile imports
def test_wrapped_and_compiled_models():
    model = MODELS.build(EOMT)
    plain = set_in(model)
    assert plain == pytest.approx([0.5**0.9, 1.0])
    assert model.decode_head.masked == (True, True)
    assert set_in(torch.compile(MODELS.build(EOMT))) == plain
    assert on_ranks(2, of_a_parallel_model) == [plain, plain]


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(starts=(1, 2)), 'starts and ends go together'),
        (dict(starts=(1, 2), ends=(2,)), 'as many of each, 0 <= start < end'),
        (dict(starts=(1, 3), ends=(2, 3)), 'as many of each, 0 <= start < end'),
        (dict(starts=(1,), ends=(2,)), '1 starts; the model has 2 blocks with queries: one for each'),
    ],
)
def test_mistakes_are_explained(arguments, words):
    with pytest.raises(ValueError, match=words):
        MaskAnnealingHook(**arguments).before_train(Recorder(MODELS.build(EOMT)))


def test_another_model_is_refused():
    with pytest.raises(ValueError, match=r'the model is no mmseg_vitseg\.EoMT; take the hook out'):
        MaskAnnealingHook().before_train(Recorder(torch.nn.Linear(2, 2)))
