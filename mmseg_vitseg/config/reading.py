"""From a config file and a command line to one config for the machine that it runs on."""

import inspect
import re
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_vitseg.compat import find_host_configs
from mmseg_vitseg.config.shipped import FOLDER, INSTALLED, find_config
from mmseg_vitseg.config.type_names import name_types
from mmseg_vitseg.errors import meant, whole_message
from mmseg_vitseg.terminal import shorten_outside_training

SUFFIXES = ('.py', '.yml', '.yaml', '.json')  # that the host reads


class ConfigError(ValueError):
    """A config that cannot be read or built."""


def read_config(path: str | Path, options: dict | None = None) -> Config:
    """Read a config and apply changes to it; its types are names, also where it is a pure-Python one.

    Args:
        path: the config file; of ours also the name, see :func:`find_config`.
        options: dotted key -> value, from ``--cfg-options``.

    Raises:
        FileNotFoundError: no such file, with the nearest name beside it.
        ConfigError: it cannot be read.
    """
    path = find_config(path)
    if path.is_dir():
        raise FileNotFoundError(f'{path}: a folder; name a config file in it')
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such config; {_where_configs_are(path)}')
    if path.suffix not in SUFFIXES:
        raise ConfigError(f'{path}: no config, by its name; those end in {", ".join(SUFFIXES)}')
    find_host_configs()
    shorten_outside_training()
    try:
        cfg = Config.fromfile(path)
        unread = [name for name in options or {} if name.partition('.')[0] not in cfg]
        merge(cfg, options or {})
        name_types(cfg)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f'{path}: cannot be read: {type_and_message(error)}') from error
    for name in unread:
        if close := near_setting(name.partition('.')[0]):
            raise ConfigError(f'--cfg-options {name}: nothing reads it; did you mean {close!r}?')
    return cfg


def merge(cfg: Config, options: dict) -> None:
    """Change settings of a config.

    Raises:
        ConfigError: one of the keys leads nowhere.
    """
    try:
        cfg.merge_from_dict(options)
    except (KeyError, TypeError) as error:
        said = whole_message(error).strip('"').partition(' of list [')[0]
        raise ConfigError(
            f'--cfg-options {" ".join(options)}: {said}; in a list, entries are counted from 0'
        ) from error


def type_and_message(error: BaseException) -> str:
    """Return an error's type and message; where the host cannot make its temporary copy, it stumbles over that once more."""
    if isinstance(error, UnboundLocalError) and error.__context__ is not None:
        return type_and_message(error.__context__)
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
    known = {file.stem: file for folder in (FOLDER, path.parent) if folder.is_dir() for file in folder.glob('*.py')}
    if close := known.get(path.stem) or known.get(meant(path.stem, known) or ''):
        return f'did you mean {_shown(close)}?'
    listed = "mmseg-vitseg configs lists this project's configs"
    return listed if FOLDER == INSTALLED else f"this project's configs are in {_shown(FOLDER)}"


def _shown(path: Path) -> Path | str:
    """Return a path as short as it can be written from here; of a config of ours elsewhere, its name."""
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd())
    return path.stem if path.parent == FOLDER else path


def variable_of(cfg: Config, value: str) -> str | None:
    """Return the environment variable that a setting came from, or whose default it is; None where there is none."""
    given = [name for name, said in cfg.env_variables.items() if said == value]
    defaults = re.findall(r'\$(\w+)\s*:\s*' + re.escape(value) + r'\s*[\'"]?\}\}', cfg.text or '')
    return next(iter([*given, *defaults]), None)


def near_setting(name: str) -> str | None:
    """Return the setting of the host's Runner that a config's name is a misspelling of; None for a name of its own."""
    known = [*inspect.signature(Runner).parameters]
    return meant(name, known, cutoff=0.85)
