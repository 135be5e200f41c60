"""From a config to the host's Runner, with all checked that the Runner would meet late or in silence."""

import os
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import all_gather_object
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import Registry
from mmengine.runner import FlexibleRunner, Runner
from mmseg.registry import OPTIMIZERS, RUNNERS
from torch import nn

from mmseg_vitseg.checkpoints.load_from import checked_file, read_all_checkpoints
from mmseg_vitseg.config.building import building
from mmseg_vitseg.config.devices import is_sharded
from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.engine.resuming.hook import ResumingHook
from mmseg_vitseg.engine.resuming.start import set_resume
from mmseg_vitseg.engine.running.progress_line import ProgressLineHook
from mmseg_vitseg.engine.running.terminal import TerminalRunner
from mmseg_vitseg.errors import meant
from mmseg_vitseg.machine import set_matmul_precision
from mmseg_vitseg.models.seg_tta_model import squashes_twice


def check_checkpoint(cfg: Config, model: nn.Module) -> str | None:
    """Check that what the Runner will load can be read safely and fits the model, before the Runner does.

    The host skips what does not fit.

    Returns:
        its name, for the Runner. What was read goes with it, unless that is a training's, whose optimizer takes more memory
        than the model: it is read again.

    Raises:
        FileNotFoundError, ValueError: it is missing, damaged or unsafe, or it does not fit.
    """
    checked = checked_file(cfg.load_from, model) if cfg.get('load_from') else None
    cfg.load_from = checked and str(checked)
    return cfg.load_from if cfg.get('resume') else checked


def segmentor_of(model: nn.Module) -> nn.Module:
    """Return the segmentor inside the wrappers of data parallelism and test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def build_runner(cfg: Config) -> Runner | FlexibleRunner:
    """Build the host's Runner, and check the checkpoint that it is going to load.

    Raises:
        ConfigError: something in the config cannot be built, says what; test-time augmentation that goes wrong.
        FileNotFoundError, ValueError: the checkpoint does not fit, or is missing, damaged or unsafe to read.
    """
    if cfg.get('resume') and not cfg.get('load_from'):
        set_resume(cfg, 'auto')  # a config's own `resume = True`
    if cfg.launcher != 'none' and not torch.cuda.is_available():
        _start_gloo(cfg.launcher)
    if is_sharded(cfg) and cfg.launcher == 'none':
        raise ConfigError(f'{cfg.filename}: its strategy needs several processes; tools/dist_train.sh CONFIG N')
    check_training_settings(cfg)
    if precision := cfg.get('float32_matmul_precision'):  # a setting of ours, which the Runner passes over
        set_matmul_precision(precision)
    read_all_checkpoints()
    with building(cfg):
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else TerminalRunner.from_cfg(cfg)
        if isinstance(runner, FlexibleRunner):  # it would build its model when training starts
            runner.model = runner.strategy.build_model(runner.model)
    check_views(runner.model)
    check_same_start(cfg)
    # the Runner's setting, which it reads when training starts
    runner._load_from = check_checkpoint(cfg, segmentor_of(runner.model))
    runner.register_hook(ResumingHook())
    runner.register_hook(ProgressLineHook())
    return runner


def check_views(model: nn.Module) -> None:
    """Check that test-time augmentation means what it says.

    Raises:
        ConfigError: it is the host's, or derived from it, of a model that predicts probabilities.
    """
    if squashes_twice(model):
        raise ConfigError(
            f"{type(model).__name__}: merges views as the host, which takes a second sigmoid of one logit's probability, "
            "so that all pixels are the object, and a softmax of a mask transformer's scores; "
            "tta_model.type='mmseg_vitseg.SegTTAModel', or a class of it"
        )


def check_same_start(cfg: Config) -> None:
    """Check that all processes start from the same checkpoint; every process must call this.

    Raises:
        ConfigError: they do not: machines whose work dirs are not on one disk, say.
    """
    found = all_gather_object((bool(cfg.get('resume')), Path(cfg.load_from).name if cfg.get('load_from') else None))
    if len(set(found)) > 1:
        starts = [f'rank {rank} from {name or "scratch"}' for rank, (_, name) in enumerate(found)]
        raise ConfigError(
            f'processes would not start alike, {", ".join(starts)}: the work dir must be the same folder on all machines; '
            'copy the checkpoint to each and name it, --resume FILE'
        )


def check_training_settings(cfg: Config) -> None:
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
        close = meant(kind, _all_names(OPTIMIZERS))
        hint = f'did you mean {close!r}?' if close else "an optimizer of torch's is named as its class"
        raise ConfigError(f'{cfg.filename}: optim_wrapper.optimizer.type={kind!r} is not known; {hint}')


def _all_names(registry: Registry) -> list[str]:
    """List the names in a registry and in those above it."""
    return [*registry.module_dict, *(_all_names(registry.parent) if registry.parent is not None else [])]


def _start_gloo(launcher: str) -> None:
    """Join the process group that torchrun describes in the environment; the host would ask for GPUs."""
    if launcher != 'pytorch':
        raise ConfigError(f'--launcher {launcher} needs GPUs; several processes on the CPU: tools/dist_train.sh')
    missing = [name for name in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT') if name not in os.environ]
    if missing:
        raise ConfigError(f'--launcher pytorch: {", ".join(missing)} not set; start with tools/dist_train.sh CONFIG N')
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')
