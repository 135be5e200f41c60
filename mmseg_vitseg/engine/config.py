"""From a config file and a command line to one config for the machine that it runs on."""

import copy
import difflib
import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

from mmseg_vitseg.compat import find_host_configs
from mmseg_vitseg.engine.type_names import name_types, nested_dicts
from mmseg_vitseg.errors import meant, whole_message

HOST_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')  # of every training
SYNCHRONISED = ('SyncBN', 'MMSyncBN', 'SyncBatchNorm')  # batch norms over all processes: mmengine's, mmcv's, torch's
CONFIGS = Path(__file__).resolve().parents[2] / 'configs'  # in a clone, where alone tools/ and they are


class ConfigError(ValueError):
    """A config that cannot be read or built."""


def read_config(path: str | Path, options: dict | None = None) -> Config:
    """Read a config and apply changes to it; its types are names, also where it is a pure-Python one.

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
    find_host_configs()
    try:
        cfg = Config.fromfile(path)
        unread = [name for name in options or {} if name.partition('.')[0] not in cfg]
        if options:
            cfg.merge_from_dict(options)
        name_types(cfg)
    except Exception as error:
        raise ConfigError(f'{path}: cannot be read: {_named(error)}') from error
    for name in unread:
        if close := near_setting(name.partition('.')[0]):
            raise ConfigError(f'--cfg-options {name}: nothing reads it; did you mean {close!r}?')
    return cfg


def _named(error: BaseException) -> str:
    """Return an error's type and message; where the host cannot make its temporary copy, it stumbles over that once more."""
    if isinstance(error, UnboundLocalError) and error.__context__ is not None:
        return _named(error.__context__)
    if isinstance(error, ImportError) and str(error).startswith('Failed to import custom modules'):
        return _failed_import(error)
    return f'{type(error).__name__}: {whole_message(error)}'


def _failed_import(error: ImportError) -> str:
    """Return which of ``custom_imports`` failed, and why; the host says on which path it looked."""
    failed = error.__cause__ or error  # the host's 'Failed to import NAME', while it handled what was wrong
    origin = failed.__context__ or failed
    name = str(failed).removeprefix('Failed to import ')
    missing = isinstance(origin, ModuleNotFoundError) and origin.name
    hint = f'; install {missing}, or name the folder that holds it: PYTHONPATH=FOLDER' if missing else ''
    return f'custom_imports: {name} cannot be imported: {type(origin).__name__}: {whole_message(origin)}{hint}'


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
    return meant(name, known, cutoff=0.85)


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
        cfg[name] = {**_runner_default(name), **(cfg.get(name) or {})}
    for name in [name for name, hook in cfg.default_hooks.items() if hook is None and name not in HOST_HOOKS]:
        del cfg.default_hooks[name]  # the host takes None for its own alone
    fit_to_devices(cfg)
    return cfg


def _runner_default(name: str) -> dict:
    """Return the host's default of a setting that is a dict; {} where that is None."""
    return copy.deepcopy(inspect.signature(Runner).parameters[name].default) or {}


def fit_to_devices(cfg: Config) -> None:
    """Make a config fit what it runs on: plain batch norm without a group of GPUs; gloo between processes on the CPU."""
    distributed, cuda = cfg.launcher != 'none', torch.cuda.is_available()
    synchronised = [
        node for node in nested_dicts(cfg.get('model')) if str(node.get('type')).rpartition('.')[2] in SYNCHRONISED
    ]
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
        labels: folder for the predicted labels, :class:`~mmseg_vitseg.engine.output_hooks.PredictedLabelsHook`'s.
        pictures: folder for pictures, :class:`~mmseg_vitseg.engine.output_hooks.PredictedPicturesHook`'s.
    """
    for flag, folder in (('--out', labels), ('--show-dir', pictures)):
        if folder and Path(folder).exists() and not Path(folder).is_dir():
            raise ConfigError(f'{flag} {folder}: a file; name a folder')
    if labels and 'test_evaluator' not in cfg:
        raise ConfigError(f'--out: {cfg.filename} has no test_evaluator')
    metrics = cfg.get('test_evaluator') or []
    metrics = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
    plain = [metric for metric in metrics if writes_as_host(metric)]
    labels = labels or next((metric.output_dir for metric in plain if metric.get('output_dir')), None)
    for metric in [metric for metric in metrics if metric not in plain]:
        if labels and metric.get('format_only') and not metric.get('output_dir'):
            metric.output_dir = str(Path(labels, str(metric.type)))
        if metric.get('output_dir'):
            print_log(
                f'test_evaluator: {metric.type} writes to {metric.output_dir} in a way of its own, most likely one file for '
                'all pictures of one name; --out DIR writes one for each.',
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
    kind = metric.get('type')
    found = METRICS.get(kind) if isinstance(kind, str) else kind
    return getattr(found, 'process', None) is IoUMetric.process


def unknown_type(error: Exception) -> str | None:
    """Return what mmengine says of a type that is in no registry, None of other errors."""
    text, unknown, _ = str(error).strip('"\'').partition('. Please check')
    return text if unknown and isinstance(error, KeyError) else None


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
        unknown, scope = unknown_type(error), cfg.get('default_scope')
        if unknown and scope != 'mmseg':
            raise ConfigError(
                f"{cfg.filename}: {unknown}: default_scope={scope!r} says where types are looked for; default_scope='mmseg'"
            ) from error
        raise ConfigError(f'{cfg.filename}: cannot be built: {_named(error)}') from error
