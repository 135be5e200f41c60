"""The tools as a user runs them: as processes, on data drawn on the fly, at a size of seconds."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vitseg_tests.logs import losses
from vitseg_tests.paths import ROOT, config_path
from vitseg_tests.user_errors import check_user_error

# quickstart, smaller: 2 epochs of 4 iterations
SMALL = (
    '--cfg-options',
    'model.backbone.num_layers=1',
    'model.backbone.drop_rate=0.1',
    'train_dataloader.batch_size=4',
    'train_dataloader.dataset.length=16',
    'val_dataloader.dataset.length=8',
    'test_dataloader.dataset.length=8',
    'train_cfg.max_epochs=2',
    'default_hooks.logger.interval=1',
    'default_hooks.progress.num_images=2',
)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, map_location='cpu', weights_only=False)['state_dict']  # written by the test itself


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """One small training, shared: its work dir and what it printed."""
    folder = tmp_path_factory.mktemp('trained')
    command = [
        sys.executable,
        str(ROOT / 'tools/train.py'),
        str(ROOT / 'configs/quickstart.py'),
        '--work-dir',
        'out',
        *SMALL,
    ]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    return folder / 'out', result


def test_train_shows_scores_and_says_where_things_are(trained):
    work_dir, result = trained
    for words in ('eta:', 'aAcc:', 'mIoU:', 'mAcc:'):
        assert words in result.stdout
    tail = result.stdout[result.stdout.index('Trained.') :]
    assert re.search(r'best checkpoint: out/best_mIoU_epoch_\d\.pth', tail)
    assert 'pictures: out/pictures' in tail
    assert {path.name for path in work_dir.iterdir()} >= {'epoch_1.pth', 'epoch_2.pth', 'pictures'}
    assert {path.name for path in (work_dir / 'pictures').iterdir()} == {
        'epoch_0001.png',
        'epoch_0002.png',
        'progress.gif',
    }
    assert len(losses(work_dir)) == 8


def test_what_fills_screens_is_in_the_log_only(trained):
    work_dir, result = trained
    (log,) = work_dir.glob('*/*.log')
    assert str(log.relative_to(work_dir.parent)) in result.stdout
    for words in (
        'System environment:',
        'Config:\ndefault_hooks',
        'Hooks will be executed',
        'is the alias of',
        'Exp name',
    ):
        assert words not in result.stdout
        assert words in log.read_text()
    assert 'Could not import OneDL' not in result.stdout
    assert len(result.stdout.splitlines()) < 60


def test_a_second_training_in_the_same_folder_says_so(trained, run_tool, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/epoch_1.pth').write_bytes((trained[0] / 'epoch_1.pth').read_bytes())
    wrong = ['--cfg-options', 'train_cfg.max_epochs=0']
    for options, warned in ([wrong, True], [['--resume', *wrong], False]):
        said = run_tool('train.py', config_path('quickstart'), '--work-dir', 'out', *options, check=False).stdout
        assert ('out/epoch_1.pth is of an earlier training' in said) == warned


def test_two_runs_of_a_seed_give_the_same_losses(trained, run_tool, tmp_path):
    run_tool('train.py', config_path('quickstart'), '--work-dir', 'again', *SMALL)
    assert losses(tmp_path / 'again') == losses(trained[0])
    run_tool('train.py', config_path('quickstart'), '--work-dir', 'other', '--seed', 5, *SMALL)
    assert losses(tmp_path / 'other') != losses(trained[0])


def test_resume_is_bit_for_bit_the_uninterrupted_run(trained, run_tool, tmp_path):
    """Dropout, flips and the order of the data included; epoch 2 runs in another process than epoch 1."""
    work_dir = tmp_path / 'out'
    work_dir.mkdir()
    (work_dir / 'epoch_1.pth').write_bytes((trained[0] / 'epoch_1.pth').read_bytes())
    run_tool('train.py', config_path('quickstart'), '--work-dir', work_dir, '--resume', *SMALL)
    assert losses(work_dir) == losses(trained[0])[4:]
    resumed, whole = weights(work_dir / 'epoch_2.pth'), weights(trained[0] / 'epoch_2.pth')
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_test_reports_what_training_reported(trained, run_tool, tmp_path):
    work_dir, training = trained
    result = run_tool(
        'test.py', config_path('quickstart'), work_dir / 'epoch_2.pth', '--out', 'labels', '--show-dir', 'shown', *SMALL
    )
    reported = re.findall(r'Epoch\(val\) \[2\]\[\d/\d\]    aAcc: (\S+)  mIoU: (\S+)  mAcc: (\S+)', training.stdout)[0]
    scores = dict(re.findall(r'(aAcc|mIoU|mAcc) (\d+\.\d+)', result.stdout.splitlines()[-1]))
    assert [float(scores[name]) for name in ('aAcc', 'mIoU', 'mAcc')] == [float(value) for value in reported]
    assert len(list((tmp_path / 'labels').glob('*.png'))) == 8
    assert len(list((tmp_path / 'shown').rglob('*.png'))) == 8


ITERATIONS = (  # an iteration-based loop over quickstart's data
    'train_cfg._delete_=True',
    'train_cfg.type=IterBasedTrainLoop',
    'train_cfg.max_iters=6',
    'train_cfg.val_interval=3',
    'train_dataloader.sampler.type=InfiniteSampler',
    'default_hooks.checkpoint.by_epoch=False',
    'default_hooks.checkpoint.interval=3',
    'param_scheduler=None',
)


def test_resume_of_an_iteration_based_training_is_exact_too(run_tool, tmp_path):
    options = [option for option in SMALL if 'max_epochs' not in option]
    run_tool('train.py', config_path('quickstart'), '--work-dir', 'whole', *options, *ITERATIONS)
    run_tool(
        'train.py',
        config_path('quickstart'),
        '--work-dir',
        'out',
        '--resume',
        'whole/iter_3.pth',
        *options,
        *ITERATIONS,
    )
    assert len(losses(tmp_path / 'whole')) == 6
    assert losses(tmp_path / 'out') == losses(tmp_path / 'whole')[3:]


def test_test_time_augmentation(trained, run_tool):
    result = run_tool('test.py', config_path('quickstart'), trained[0] / 'epoch_2.pth', '--tta', *SMALL)
    assert 'mIoU' in result.stdout.splitlines()[-1]
    assert result.stderr == ''


@pytest.mark.slow
def test_amp_on_the_cpu(run_tool, tmp_path):
    run_tool('train.py', config_path('quickstart'), '--work-dir', 'amp', '--amp', *SMALL)
    assert 'mmseg_vitseg.CPUAmpOptimWrapper' in next((tmp_path / 'amp').glob('*/*.log')).read_text()
    assert torch.isfinite(torch.tensor(losses(tmp_path / 'amp'))).all()
    state = weights(tmp_path / 'amp/epoch_2.pth')
    assert {value.dtype for value in state.values() if value.is_floating_point()} == {torch.float32}


@pytest.mark.slow
def test_two_processes_on_the_cpu_train_one_model(tmp_path):
    """Gloo, two ranks: the gradients are averaged, so both end with the same weights."""
    script = tmp_path / 'rank.py'  # tools/train.py, with a look at the runner afterwards
    script.write_text(
        """
import os, sys, torch
from mmseg_vitseg.cli.command import call
from mmseg_vitseg.engine.running import runner as runner_module
build = runner_module.build_runner
def keep(cfg):
    runner = keep.runner = build(cfg)
    return runner
runner_module.build_runner = keep
call('train', sys.argv[1:])
assert torch.distributed.get_world_size() == 2
model = keep.runner.model.module
torch.save([p.detach() for p in model.parameters()], f"rank{os.environ['RANK']}.pth")
"""
    )
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    command = ['-m', 'torch.distributed.run', '--nproc_per_node=2', f'--master_port={port}', str(script)]
    config = [str(ROOT / 'configs/quickstart.py'), '--launcher', 'pytorch', '--work-dir', 'out']
    result = subprocess.run(
        [sys.executable, *command, *config, *SMALL],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-3000:]
    first, second = (torch.load(tmp_path / f'rank{rank}.pth') for rank in (0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert len(losses(tmp_path / 'out')) == 4  # 16 images, 4 a rank and step, 2 epochs
    assert result.stdout.count('Animation of the predictions') == 1  # the first process draws
    assert len(list(tmp_path.glob('out/pictures/epoch_*.png'))) == 2


# ----------------------------------------------------------------------------------------------- what a newcomer sees


def test_wrong_config_path(run_tool):
    check_user_error(run_tool('train.py', 'configs/quickstrat.py', check=False), 'no such config')


def test_unknown_type_and_misspelt_argument(run_tool):
    options = ['--cfg-options', 'model.backbone.type=mmseg_vitseg.VisionTransfomer']
    check_user_error(
        run_tool('train.py', config_path('quickstart'), *options, check=False), 'VisionTransfomer', 'registry'
    )
    options = ['--cfg-options', 'model.backbone.drop_ratte=0.1']
    check_user_error(
        run_tool('train.py', config_path('quickstart'), *options, check=False), "did you mean 'drop_rate'?"
    )


def test_pet_root_unset(run_tool):
    env = {'PET_ROOT': 'data/oxford-iiit-pet'}
    result = run_tool('train.py', config_path('vit_tiny_linear_pet'), check=False, env=env)
    check_user_error(result, 'PET_ROOT', 'prepare_pet.py')


def test_truncated_jpeg_in_a_worker_process(run_tool, pet_root, tmp_path):
    root = tmp_path / 'pet'
    names = [line.split()[0] for line in (pet_root / 'annotations/trainval.txt').read_text().splitlines()[:8]]
    for folder, suffix in (('images', 'jpg'), ('annotations/trimaps', 'png')):
        (root / folder).mkdir(parents=True)
        for name in names:
            (root / folder / f'{name}.{suffix}').write_bytes((pet_root / folder / f'{name}.{suffix}').read_bytes())
    for split in ('trainval', 'test'):
        (root / f'annotations/{split}.txt').write_text('\n'.join(names))
    broken = root / f'images/{names[3]}.jpg'
    broken.write_bytes(broken.read_bytes()[:5000])
    options = ['--cfg-options', 'model.backbone.num_layers=1', 'train_dataloader.batch_size=4']
    result = run_tool(
        'train.py', config_path('vit_tiny_linear_pet'), *options, check=False, env={'PET_ROOT': str(root)}
    )
    check_user_error(result, f'{names[3]}.jpg', 'damaged', 'truncated')


def test_checkpoint_of_another_model(trained, run_tool):
    result = run_tool('test.py', config_path('quickstart'), trained[0] / 'epoch_2.pth', check=False)
    check_user_error(result, 'does not fit', 'missing', 'backbone.blocks.1.norm1.weight', 'nothing was loaded')


def test_training_does_not_start_from_half_a_checkpoint(trained, run_tool):
    checkpoint = trained[0] / 'epoch_2.pth'
    options = [*SMALL, 'model.backbone.num_layers=2']
    for start in (['--resume', checkpoint], []):
        result = run_tool(
            'train.py',
            config_path('quickstart'),
            *start,
            *options,
            *([] if start else [f'load_from={checkpoint}']),
            check=False,
        )
        check_user_error(result, str(checkpoint), 'does not fit', 'backbone.blocks.1', 'nothing was loaded')
    run_tool('train.py', config_path('quickstart'), *SMALL, f'load_from={checkpoint}', 'train_cfg.max_epochs=1')


def test_launch_script(tmp_path):
    script = str(ROOT / 'tools/dist_train.sh')
    for arguments in (['x.py'], ['x.py', 'two'], ['x.py', '2']):
        result = subprocess.run([script, *arguments], capture_output=True, text=True, cwd=tmp_path)
        assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize('name', ['train.py', 'test.py', 'prepare_pet.py'])
def test_help_is_quick_and_readable(run_tool, name):
    result = run_tool(name, '--help')
    assert result.stdout.startswith('usage:')
    assert len(result.stdout.splitlines()) > 10


def test_load_from_any_kind_of_file(trained, run_tool, tmp_path):
    from mmseg_vitseg.converting.convert import convert_file

    convert_file(trained[0] / 'epoch_2.pth', tmp_path / 'whole.safetensors')
    arguments = [*SMALL, 'load_from=whole.safetensors', 'train_cfg.max_epochs=1', 'optim_wrapper.optimizer.lr=0.0']
    run_tool('train.py', config_path('quickstart'), '--work-dir', 'again', *arguments)
    first, again = weights(trained[0] / 'epoch_2.pth'), weights(tmp_path / 'again/epoch_1.pth')
    learned = [name for name in first if name.endswith('proj.weight')]
    assert learned
    assert all(torch.equal(first[name], again[name]) for name in learned)
