"""How this program was called, so that what it says can be typed: ``python tools/train.py``, or ``mmseg-vitseg train``."""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path


def is_installed_command() -> bool:
    """Tell ``mmseg-vitseg NAME`` and ``python -m mmseg_vitseg NAME`` from a clone's ``tools/NAME.py``."""
    return Path(sys.argv[0]).stem in ('mmseg-vitseg', '__main__')


def program(name: str) -> str:
    """Return how a command is called here: ``train.py`` or ``mmseg-vitseg train``."""
    return f'mmseg-vitseg {name}'.rstrip() if is_installed_command() else f'{name}.py'


def as_called(text: str) -> str:
    """Return a text in which commands and configs are written as they are in a clone, as one types them here."""
    if not is_installed_command():
        return text
    text = re.sub(r'(?:python )?tools/([a-z]\w+)\.py', r'mmseg-vitseg \1', text)
    return re.sub(r'\bconfigs/(\w+)\.py', r'\1', text)


def command_line(variables: Sequence[str] = ()) -> str:
    """Return the command that this is, to be typed again, behind those of the environment's variables that are set."""
    settings = [f'{name}={shlex.quote(os.environ[name])}' for name in variables if name in os.environ]
    words = ['mmseg-vitseg', *sys.argv[1:]] if is_installed_command() else ['python', *sys.argv]
    return ' '.join([*settings, shlex.join(words)])


def launches() -> bool:
    """Tell whether this starts processes (launch.py), instead of doing something itself."""
    return sys.argv[1:2] == ['launch'] if is_installed_command() else Path(sys.argv[0]).name == '_launch.py'


def trains() -> bool:
    """Tell whether this is a training, or launches one."""
    if is_installed_command():
        return 'train' in (sys.argv[1:] if launches() else sys.argv[1:2])
    return 'train.py' in (Path(argument).name for argument in sys.argv)
