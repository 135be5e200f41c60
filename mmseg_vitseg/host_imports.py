"""The host is imported without what it says about itself each time, in a user's own program too."""

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from mmseg_vitseg.host_messages import printed_lines_left_out

HOST = ('mmengine', 'mmcv', 'mmseg')


class QuietImports(MetaPathFinder):
    """Finds the host's modules as Python does; what they print or warn of while they are imported is left out.

    Of what is printed only :data:`~mmseg_vitseg.host_messages.PRINTED`; of warnings all, the host's and torch's about code.
    """

    def __init__(self):
        self.importing = False  # one of them: those that it imports are within it

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of the host is, None of others and where it is in no folder: Python's own finders go on."""
        if self.importing or name.partition('.')[0] not in HOST:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module
            spec.loader.exec_module = lambda module: self.load(load, module)  # type: ignore[method-assign]
        return spec

    def load(self, load: Callable[[ModuleType], None], module: ModuleType) -> None:
        """Load a module, quietly."""
        self.importing = True
        try:
            with warnings.catch_warnings(), printed_lines_left_out():
                warnings.simplefilter('ignore')
                load(module)
        finally:
            self.importing = False


def quieten_imports() -> None:
    """Have all that this process imports of the host from now on be imported so."""
    sys.meta_path.insert(0, QuietImports())
