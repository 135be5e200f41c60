"""What has to be known about the host stack: which one is installed, whether its versions fit, what upstream lacks.

Two stacks provide the same import names (``mmengine``, ``mmcv``, ``mmseg``): the maintained forks, whose distributions
are called ``onedl-*``, and OpenMMLab's own packages. What upstream lacks is supplied to upstream only.
"""

import sys
from importlib import metadata, util
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

ONEDL_COMMAND = "pip install 'onedl-mmengine>=0.10.12' 'onedl-mmcv>=2.3.6' 'onedl-mmsegmentation>=1.4.2'"
# mmcv-lite: building mmcv 2.1.0 takes a compiler, half an hour and --no-build-isolation
OPENMMLAB_COMMAND = (
    'pip uninstall -y mmcv mmcv-lite; '
    "pip install mmengine==0.10.7 mmcv-lite==2.1.0 mmsegmentation==1.2.2 ftfy regex 'setuptools<81'"
)

# Import name -> (distribution, oldest version that works, first version that does not), one table a stack.
ONEDL = {
    'mmseg': ('onedl-mmsegmentation', '1.4.2', '2'),
    'mmcv': ('onedl-mmcv', '2.3.6', '3'),
    'mmengine': ('onedl-mmengine', '0.10.12', '1'),
}
# Upstream's mmseg asserts the upper bound of mmcv; mmcv-lite is the same code without the compiled operators.
OPENMMLAB = {
    'mmseg': ('mmsegmentation', '1.2.2', '2'),
    'mmcv': ('mmcv', '2.0.0', '2.2.0'),
    'mmengine': ('mmengine', '0.10.7', '1'),
}
ALTERNATIVE = {'mmcv': 'mmcv-lite'}
TOOLS = Path(__file__).resolve().parents[1] / 'tools'


class HostStackError(ImportError):
    """The host stack (mmengine, mmcv, mmseg) is missing, mixed, or of versions that do not fit together."""


def installed_version(distribution: str) -> str | None:
    """Return the version of a distribution, or None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def host_stack() -> str | None:
    """Return which stack provides ``mmseg``: ``'onedl'``, ``'openmmlab'``, or None where no distribution does.

    Raises:
        HostStackError: both stacks are installed; they write the same folders, so one has damaged the other.
    """
    present = [
        name
        for name, table in (('onedl', ONEDL), ('openmmlab', OPENMMLAB))
        if installed_version(table['mmseg'][0]) is not None
    ]
    if len(present) == 2:
        raise HostStackError(
            'mmseg_vitseg: onedl-mmsegmentation and mmsegmentation are both installed and overwrite each other. '
            'Start from a clean environment, or remove both: pip uninstall -y onedl-mmsegmentation onedl-mmcv '
            f'onedl-mmengine mmsegmentation mmcv mmcv-lite mmengine; then {ONEDL_COMMAND}'
        )
    return present[0] if present else None


def check_host() -> None:
    """Check from metadata alone that one complete host stack of fitting versions is installed.

    Raises:
        HostStackError: with what is installed, what is needed, and the command that installs it.
    """
    from packaging.version import Version  # not Python's own, so missing where nothing is installed

    stack = host_stack()
    if stack is None:
        if util.find_spec('mmseg') is not None:  # a source checkout on the path: no metadata to judge it by
            return
        raise HostStackError(
            f'mmseg_vitseg needs MMSegmentation, which is not installed. Run: {ONEDL_COMMAND} (the maintained packages)'
        )
    table, command = (ONEDL, ONEDL_COMMAND) if stack == 'onedl' else (OPENMMLAB, OPENMMLAB_COMMAND)
    problems = []
    for import_name, (distribution, oldest, excluded) in table.items():
        version = installed_version(distribution) or installed_version(ALTERNATIVE.get(import_name, distribution))
        if version is None:
            problems.append(f'{distribution} is not installed')
        elif not Version(oldest) <= Version(version) < Version(excluded):
            problems.append(f'{distribution} is {version}')
    if problems:
        wanted = ', '.join(f'{name}>={oldest},<{excluded}' for name, oldest, excluded in table.values())
        raise HostStackError(f'mmseg_vitseg: {"; ".join(problems)}; it needs {wanted}. Run: {command}')


def is_command() -> bool:
    """Tell whether this process is ``mmseg-vitseg``, or a tool of our clone: these explain themselves without a host."""
    script = Path(sys.argv[0])
    return script.stem == 'mmseg-vitseg' or script.name == '-m' or script.resolve().parent == TOOLS


def find_host_configs() -> None:
    """Let mmengine find the host's configs, ``_base_ = 'mmseg::fcn/...'``, on the forks: under the import name.

    It looks for a distribution ``mmsegmentation``, which on the forks has another name. Does nothing on upstream.
    """
    if host_stack() == 'onedl':
        from mmengine.config.utils import MODULE2PACKAGE

        MODULE2PACKAGE['mmseg'] = 'mmseg'


def supply_operators() -> None:
    """Make ``import mmseg.models`` work on mmcv-lite: put a stand-in where it asks for ``mmcv._ext``.

    Does nothing on the forks, nor where mmcv has its compiled operators.
    """
    if host_stack() == 'openmmlab' and installed_version('mmcv') is None and installed_version('mmcv-lite') is not None:
        sys.modules.setdefault('mmcv._ext', MissingOperators('mmcv._ext'))


def allow_checkpoints() -> None:
    """Let upstream's plain ``torch.load`` read the host's own checkpoints under torch's default, ``weights_only=True``.

    Does nothing on the forks, which bring their own allow-list.
    """
    if host_stack() == 'openmmlab':
        import torch

        torch.serialization.add_safe_globals(checkpoint_globals())


class MissingOperators(ModuleType):
    """Stand-in for ``mmcv._ext``: every name is an operator that raises NotImplementedError when it is called."""

    def __init__(self, name: str):
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, loader=None)  # importlib.util.find_spec asks for it

    def __getattr__(self, name: str):
        if name.startswith('__'):  # the import system asks for these and takes AttributeError for an answer
            raise AttributeError(name)

        def operator(*args, **kwargs):
            raise NotImplementedError(
                f'mmcv was installed without compiled operators, so {name!r} is missing. Install the maintained '
                f'packages in a clean environment ({ONEDL_COMMAND}), or a compiled mmcv.'
            )

        return operator


def checkpoint_globals() -> list:
    """List what a checkpoint written by mmengine's Runner contains besides tensors and plain containers.

    Such a file asks for ``getattr``; it gets :func:`method_of_history`.
    """
    import numpy as np
    from mmengine.logging.history_buffer import HistoryBuffer

    reconstruct, scalar = np.empty(0).__reduce__()[0], np.float64().__reduce__()[0]
    dtypes = {type(np.dtype(code)) for code in ('f8', 'f4', 'i8', 'i4', 'u1', 'bool')}
    return [HistoryBuffer, reconstruct, scalar, np.ndarray, np.dtype, *dtypes, method_of_history, slice]


def method_of_history(owner: type, name: str):
    """Return a statistic of mmengine's HistoryBuffer, which is all that the Runner's checkpoints need ``getattr`` for.

    The real one, though torch and the host would allow it, reaches ``eval`` from any object, and a file could run code.

    Raises:
        UnpicklingError: anything else is asked for.
    """
    from pickle import UnpicklingError

    from mmengine.logging.history_buffer import HistoryBuffer

    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise UnpicklingError(f'Unsupported global: getattr of {name!r}')
    return getattr(owner, name)


# torch finds what is allowed by these names
method_of_history.__module__, method_of_history.__name__, method_of_history.__qualname__ = 'builtins', *['getattr'] * 2
