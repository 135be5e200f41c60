"""Where things are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def config_path(name: str) -> Path:
    """Return the path of a config of ours, such as ``quickstart``."""
    return ROOT / 'configs' / f'{name}.py'
