"""What the files of this folder do: run the command of their name, of the package that stands beside this folder."""

import sys
from pathlib import Path


def enter(name: str) -> None:
    """Run a command as ``mmseg-vitseg NAME`` does; the package is that of this clone, installed or not."""
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # in the place of this folder, whose test.py is Python's too
    from mmseg_vitseg.cli.command import run_tool

    run_tool(name)
