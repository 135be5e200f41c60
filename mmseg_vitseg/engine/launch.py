"""From a config file and a command line to the host's Runner."""

import difflib
import inspect
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import Registry
from mmengine.runner import FlexibleRunner, Runner
from mmseg.registry import OPTIMIZERS, RUNNERS
from torch import nn

from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.checkpoints.load_from import load_from_any_source, read_all_checkpoints
from mmseg_vitseg.checkpoints.reading import read_checkpoint
from mmseg_vitseg.checkpoints.strict import account
from mmseg_vitseg.engine.checkpoint_hook import find_resumable
from mmseg_vitseg.engine.terminal import TerminalRunner
from mmseg_vitseg.errors import first_line

HOST_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')  # of every training
CONFIGS = Path(__file__).resolve().parents[2] / 'configs'  # in a clone, where alone tools/ and they are


class ConfigError(ValueError):
    """A config that cannot be read or built."""


def read_config(path: str | Path, options: dict | None = None) -> Config:
    """Read a config and apply changes to it.

    Args:
        path: the config file.
        options: dotted key -> value, from ``--cfg-options``.

    Raises:
        FileNotFoundError: no such file, with the nearest name beside it.
        ConfigError: it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        raise FileNotFoundError(f'{path}: a folder; name a config file in it')
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such config; {_where_configs_are(path)}')
    try:
        cfg = Config.fromfile(path)
        unread = [name for name in options or {} if name.partition('.')[0] not in cfg]
        if options:
            cfg.merge_from_dict(options)
    except Exception as error:
        raise ConfigError(f'{path}: cannot be read: {type(error).__name__}: {first_line(error)}') from error
    for name in unread:
        if close := near_setting(name.partition('.')[0]):
            raise ConfigError(f'--cfg-options {name}: nothing reads it; did you mean {close!r}?')
    return cfg


def _where_configs_are(path: Path) -> str:
    """Return the file that was meant, from beside the one that was named or from this project's, or where those are."""
    known = {file.name: file for folder in (CONFIGS, path.parent) if folder.is_dir() for file in folder.glob('*.py')}
    close = difflib.get_close_matches(f'{path.stem}.py', known, n=1)
    if close:
        return f'did you mean {_shown(known[close[0]])}?'
    return f"this project's configs are in {_shown(CONFIGS) if CONFIGS.is_dir() else 'configs/ of its clone'}"


def _shown(path: Path) -> Path:
    """Return a path as short as it can be written from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def variable_of(cfg: Config, value: str) -> str | None:
    """Return the environment variable that a setting came from, or whose default it is; None where there is none."""
    given = [name for name, said in cfg.env_variables.items() if said == value]
    defaults = re.findall(r'\$(\w+)\s*:\s*' + re.escape(value) + r'\s*[\'"]?\}\}', cfg.text or '')
    return next(iter([*given, *defaults]), None)


def near_setting(name: str) -> str | None:
    """Return the setting of the host's Runner that a config's name is a misspelling of; None for a name of its own."""
    known = [*inspect.signature(Runner).parameters]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
    return close[0] if close and name not in known else None


def load_config(
    path: str | Path, *, options: dict | None = None, work_dir: str | None = None, launcher: str = 'none'
) -> Config:
    """Read a config for the Runner, and apply the command line to it.

    Args:
        path, options: see :func:`read_config`.
        work_dir: where checkpoints and logs go; default: the config's, or ``work_dirs/<the config's name>``.
        launcher: what started the processes: ``none``, ``pytorch``, ``slurm`` or ``mpi``.

    Raises:
        FileNotFoundError, ConfigError: see :func:`read_config`; or the work dir cannot be made.
    """
    cfg = read_config(path, options)
    cfg.launcher = launcher
    cfg.work_dir = work_dir or cfg.get('work_dir') or str(Path('work_dirs', Path(path).stem))
    try:
        Path(cfg.work_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f'--work-dir {cfg.work_dir}: cannot be made: {error.strerror}') from error
    for name in ('env_cfg', 'default_hooks', 'randomness'):  # the host's Runner takes configs without them
        cfg[name] = cfg.get(name) or {}
    for name in [name for name, hook in cfg.default_hooks.items() if hook is None and name not in HOST_HOOKS]:
        del cfg.default_hooks[name]  # the host takes None for its own alone
    fit_to_devices(cfg)
    return cfg


def fit_to_devices(cfg: Config) -> None:
    """Make a config fit what it runs on: plain batch norm without a group of GPUs; gloo between processes on the CPU."""
    distributed, cuda = cfg.launcher != 'none', torch.cuda.is_available()
    synchronised = [node for node in nested_dicts(cfg.get('model')) if node.get('type') == 'SyncBN']
    if synchronised and not (distributed and cuda):
        print_log('No process group of GPUs: every SyncBN of the config is a BN in this run.', logger='current')
        for node in synchronised:
            node['type'] = 'BN'
    if distributed and not cuda:
        cfg.env_cfg.dist_cfg = dict(backend='gloo')
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,  # the host's default names a GPU
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        )
    if is_sharded(cfg) and not cuda:
        cfg.strategy.model_wrapper = {**(cfg.strategy.get('model_wrapper') or {}), 'device_id': 'cpu'}
        if cfg.strategy.get('state_dict_cfg') == 'full':
            # torch crashes where gathered weights are already where they are to be moved to
            cfg.strategy.state_dict_cfg = dict(
                state_dict_type='FULL_STATE_DICT',
                state_dict_config=dict(type='FullStateDictConfig', offload_to_cpu=False),
                optim_state_dict_config=dict(type='FullOptimStateDictConfig', offload_to_cpu=False),
            )


def is_sharded(cfg: Config) -> bool:
    """Tell whether a config shards its model over processes: FSDP."""
    return 'FSDP' in str((cfg.get('strategy') or {}).get('type'))


def enable_amp(cfg: Config) -> None:
    """Switch training to mixed precision: float16 with loss scaling on a GPU, bfloat16 on the CPU.

    Raises:
        ConfigError: the config has an optimizer wrapper of its own.
    """
    wrapper = cfg.get('optim_wrapper')
    if wrapper is None:
        raise ConfigError('--amp: the config has no optim_wrapper, so nothing to train with')
    kind, on_gpu, on_cpu = wrapper.get('type', 'OptimWrapper'), 'AmpOptimWrapper', 'mmseg_vitseg.CPUAmpOptimWrapper'
    if kind not in ('OptimWrapper', on_gpu, on_cpu):
        raise ConfigError(f"--amp: optim_wrapper.type is {kind!r}; it can only replace 'OptimWrapper'")
    if torch.cuda.is_available():
        wrapper.type = on_gpu
        wrapper.setdefault('loss_scale', 'dynamic')
    else:
        wrapper.type = on_cpu
        for name in ('loss_scale', 'dtype', 'use_fsdp'):  # the GPU wrapper's own; bfloat16 needs no scaling
            wrapper.pop(name, None)


def set_resume(cfg: Config, resume: str | None) -> None:
    """Resume from the newest checkpoint of the work dir (``'auto'``; from scratch where there is none) or from a file.

    Raises:
        FileNotFoundError, ValueError: the checkpoint is missing, damaged, or unsafe to read.
    """
    if resume is None:
        return
    checkpoint = find_resumable(cfg.work_dir) if resume == 'auto' else local_file(resume)
    if checkpoint is None:
        print_log(f'--resume: no checkpoint in {cfg.work_dir} yet, training starts from scratch.', logger='current')
        return
    content = read_checkpoint(checkpoint)
    if not {'optimizer', 'meta', 'message_hub'} <= content.keys():
        raise ValueError(
            f'{checkpoint}: weights without the state of a training, so it cannot be resumed from; '
            f'start from them instead: --cfg-options load_from={checkpoint}'
        )
    if (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1) > 1:
        print_log(
            '--resume: gradients that were being accumulated at the checkpoint are lost, so losses can differ from an '
            'uninterrupted run.',
            logger='current',
            level=logging.WARNING,
        )
    for name, unit in (('max_epochs', 'epoch'), ('max_iters', 'iter')):
        last = (cfg.get('train_cfg') or {}).get(name)
        if last and content['meta'].get(unit, 0) >= last:
            print_log(
                f'--resume: {checkpoint} is trained up to train_cfg.{name}={last}, so nothing is left to do; '
                f'longer: --cfg-options train_cfg.{name}=NUMBER',
                logger='current',
            )
    cfg.resume, cfg.load_from = True, str(checkpoint)


def check_checkpoint(cfg: Config, model: nn.Module) -> None:
    """Check that what the Runner will load can be read safely and fits the model, before the Runner does.

    The host skips what does not fit.

    Raises:
        FileNotFoundError, ValueError: it is missing, damaged or unsafe, or it does not fit.
    """
    if not cfg.get('load_from'):
        cfg.load_from = None
        return
    path = cfg.load_from = str(local_file(cfg.load_from))
    account(load_from_any_source(path)['state_dict'], model, path, getattr(model, 'from_scratch', ()))


def segmentor_of(model: nn.Module) -> nn.Module:
    """Return the segmentor inside the wrappers of data parallelism and test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def set_outputs(cfg: Config, *, labels: str | None, pictures: str | None) -> None:
    """Have a test write what it predicts.

    Args:
        labels: folder for the predicted labels: what the host's IoUMetric writes, a PNG of indices an image.
        pictures: folder for what the host's visualisation hook draws: truth and prediction over the image.
    """
    for flag, folder in (('--out', labels), ('--show-dir', pictures)):
        if folder and Path(folder).exists() and not Path(folder).is_dir():
            raise ConfigError(f'{flag} {folder}: a file; name a folder')
    if labels and 'test_evaluator' not in cfg:
        raise ConfigError(f'--out: {cfg.filename} has no test_evaluator')
    if labels:
        evaluators = cfg.test_evaluator if isinstance(cfg.test_evaluator, (list, tuple)) else [cfg.test_evaluator]
        for evaluator in evaluators:
            evaluator.output_dir = labels
    if pictures:
        cfg.default_hooks.visualization = dict(type='SegVisualizationHook', draw=True)
        cfg.visualizer = {**cfg.get('visualizer', dict(type='SegLocalVisualizer')), 'save_dir': pictures}
        cfg.visualizer.setdefault('vis_backends', [dict(type='LocalVisBackend')])


def set_tta(cfg: Config) -> None:
    """Put the config's test-time augmentation in the place of its test pipeline and model.

    Raises:
        ConfigError: it has none.
    """
    missing = [name for name in ('tta_pipeline', 'tta_model', 'test_dataloader') if name not in cfg]
    if missing:
        raise ConfigError(f'--tta: {cfg.filename} has no {" and no ".join(missing)}')
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.model = {**cfg.tta_model, 'module': cfg.model}


def build_runner(cfg: Config) -> Runner:
    """Build the host's Runner, and check the checkpoint that it is going to load.

    Raises:
        ConfigError: something in the config cannot be built; says what.
        FileNotFoundError, ValueError: the checkpoint does not fit, or is missing, damaged or unsafe to read.
    """
    if cfg.get('resume') and not cfg.get('load_from'):
        set_resume(cfg, 'auto')  # a config's own `resume = True`
    if cfg.launcher != 'none' and not torch.cuda.is_available():
        _start_gloo(cfg.launcher)
    if is_sharded(cfg) and cfg.launcher == 'none':
        raise ConfigError(f'{cfg.filename}: its strategy needs several processes; tools/dist_train.sh CONFIG N')
    check_training(cfg)
    read_all_checkpoints()
    with building(cfg):
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else TerminalRunner.from_cfg(cfg)
        if isinstance(runner, FlexibleRunner):  # it would build its model when training starts
            runner.model = runner.strategy.build_model(runner.model)
    check_checkpoint(cfg, segmentor_of(runner.model))
    runner._load_from = cfg.get('load_from')  # the Runner's setting, which it reads when training starts
    return runner


def check_training(cfg: Config) -> None:
    """Check what the host meets late, or with silence.

    Raises:
        ConfigError: a training of no epoch or iteration, an optimizer that does not exist, or a learning rate in words.
    """
    for name in ('max_epochs', 'max_iters'):
        count = (cfg.get('train_cfg') or {}).get(name)
        if count is not None and count < 1:
            raise ConfigError(f'{cfg.filename}: train_cfg.{name}={count}; at least 1 is needed')
    optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer') or {}
    kind, rate = optimizer.get('type'), optimizer.get('lr')
    if isinstance(rate, str):
        raise ConfigError(f'{cfg.filename}: optim_wrapper.optimizer.lr={rate!r}; a number is needed')
    if isinstance(kind, str) and OPTIMIZERS.get(kind) is None:
        close = difflib.get_close_matches(kind, _all_names(OPTIMIZERS), n=1)
        hint = f'did you mean {close[0]!r}?' if close else "an optimizer of torch's is named as its class"
        raise ConfigError(f'{cfg.filename}: optim_wrapper.optimizer.type={kind!r} is not known; {hint}')


def _all_names(registry: Registry) -> list[str]:
    """List the names in a registry and in those above it."""
    return [*registry.module_dict, *(_all_names(registry.parent) if registry.parent is not None else [])]


@contextmanager
def building(cfg: Config) -> Iterator[None]:
    """Name the config in what goes wrong while something of it is built.

    Raises:
        ConfigError: it has no model, or something cannot be built.
    """
    if not isinstance(cfg.get('model'), dict):
        raise ConfigError(f'{cfg.filename}: has no model; a config needs model = dict(type=...)')
    try:
        yield
    except (OSError, ValueError):
        raise
    except Exception as error:
        raise ConfigError(f'{cfg.filename}: cannot be built: {type(error).__name__}: {first_line(error)}') from error


def _start_gloo(launcher: str) -> None:
    """Join the process group that torchrun describes in the environment; the host would ask for GPUs."""
    if launcher != 'pytorch':
        raise ConfigError(f'--launcher {launcher} needs GPUs; several processes on the CPU: tools/dist_train.sh')
    missing = [name for name in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT') if name not in os.environ]
    if missing:
        raise ConfigError(f'--launcher pytorch: {", ".join(missing)} not set; start with tools/dist_train.sh CONFIG N')
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')


def nested_dicts(node) -> Iterator[dict]:
    """Yield every dict of a nested config."""
    if isinstance(node, dict):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ()
    for child in children:
        yield from nested_dicts(child)
