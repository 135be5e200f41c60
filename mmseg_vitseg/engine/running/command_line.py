"""What a command line changes in a config, for the Runner."""

import copy
import inspect
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

from mmseg_vitseg.config.devices import fit_to_devices
from mmseg_vitseg.config.parts import class_of, dicts
from mmseg_vitseg.config.reading import ConfigError, read_config

HOST_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')  # of every training


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
        raise ConfigError(
            f'--work-dir {cfg.work_dir}: cannot be made: {error.strerror}; name another folder'
        ) from error
    for name in ('env_cfg', 'default_hooks', 'randomness'):  # the host's Runner takes configs without them
        cfg[name] = {**_runner_default(name), **(cfg.get(name) or {})}
    for name in [name for name, hook in cfg.default_hooks.items() if hook is None and name not in HOST_HOOKS]:
        del cfg.default_hooks[name]  # the host takes None for its own alone
    fit_to_devices(cfg)
    return cfg


def _runner_default(name: str) -> dict:
    """Return the host's default of a setting that is a dict; {} where that is None."""
    return copy.deepcopy(inspect.signature(Runner).parameters[name].default) or {}


def enable_amp(cfg: Config) -> None:
    """Switch training to mixed precision: float16 with loss scaling on a GPU, bfloat16 on the CPU.

    Raises:
        ConfigError: the config has an optimizer wrapper of its own.
    """
    wrapper = cfg.get('optim_wrapper')
    if wrapper is None:
        raise ConfigError('--amp: the config has no optim_wrapper, so nothing to train with')
    kind, on_gpu, on_cpu = wrapper.get('type', 'OptimWrapper'), 'AmpOptimWrapper', 'mmseg_vitseg.CPUAmpOptimWrapper'
    if kind.removeprefix('mmengine.') not in ('OptimWrapper', on_gpu, on_cpu):
        raise ConfigError(f"--amp: optim_wrapper.type is {kind!r}; it can only replace 'OptimWrapper'")
    if torch.cuda.is_available():
        wrapper.type = on_gpu
        wrapper.setdefault('loss_scale', 'dynamic')
    else:
        wrapper.type = on_cpu
        for name in ('loss_scale', 'dtype', 'use_fsdp'):  # the GPU wrapper's own; bfloat16 needs no scaling
            wrapper.pop(name, None)


def set_outputs(cfg: Config, *, labels: str | None, pictures: str | None) -> None:
    """Have a test write what it predicts.

    The host's IoUMetric would give all pictures of one name one file, so a hook writes labels, also where the config has the
    metric write them (``output_dir``); one that does nothing else (``format_only``) is taken out. A metric that writes in a
    way of its own writes as it does, which is said, and where it does nothing else, to a folder of its name.

    Args:
        labels: folder for the predicted labels, :class:`~mmseg_vitseg.engine.hooks.outputs.PredictedLabelsHook`'s.
        pictures: folder for pictures, :class:`~mmseg_vitseg.engine.hooks.outputs.PredictedPicturesHook`'s.
    """
    for flag, folder in (('--out', labels), ('--show-dir', pictures)):
        if folder and Path(folder).exists() and not Path(folder).is_dir():
            raise ConfigError(f'{flag} {folder}: a file; name a folder')
    if labels and 'test_evaluator' not in cfg:
        raise ConfigError(f'--out: {cfg.filename} has no test_evaluator')
    metrics = [metric for _, metric in dicts(cfg.get('test_evaluator'), 'test_evaluator')]
    plain = [metric for metric in metrics if writes_as_host(metric)]
    labels = labels or next((metric['output_dir'] for metric in plain if metric.get('output_dir')), None)
    for metric in [metric for metric in metrics if metric not in plain]:
        if labels and metric.get('format_only') and not metric.get('output_dir'):
            metric['output_dir'] = str(Path(labels, str(metric['type'])))
        if metric.get('output_dir'):
            print_log(
                f'test_evaluator: {metric["type"]} writes to {metric["output_dir"]} in a way of its own, most likely one '
                'file for all pictures of one name; --out DIR writes one for each.',
                logger='current',
            )
    if labels:
        for metric in plain:
            metric.pop('output_dir', None)
        cfg.test_evaluator = [one for one in metrics if not (one in plain and one.get('format_only'))]
        hook = dict(type='mmseg_vitseg.PredictedLabelsHook', folder=labels)
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), hook]
    if pictures:
        cfg.default_hooks.visualization = dict(type='mmseg_vitseg.PredictedPicturesHook', draw=True, folder=pictures)
        cfg.visualizer = cfg.get('visualizer') or dict(type='mmseg.SegLocalVisualizer')


def writes_as_host(metric: dict) -> bool:
    """Tell a metric that writes its labels as the host's IoUMetric does."""
    return getattr(class_of(metric, METRICS), 'process', None) is IoUMetric.process
