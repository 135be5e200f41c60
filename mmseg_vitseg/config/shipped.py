"""The configs and weights that come with this package: where they are, and what a name of one means."""

import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
INSTALLED, CLONE = (
    PACKAGE / '.mim/configs',
    PACKAGE.parent / 'configs',
)  # .mim: where the host and its sisters have theirs
FOLDER = INSTALLED if INSTALLED.is_dir() else CLONE
WEIGHTS = PACKAGE / 'weights'  # NAME.safetensors, of the config NAME


def find_config(path: str | Path) -> Path:
    """Return the file that a config's name means: the user's of that name, or else ours.

    Args:
        path: a file; or of ours NAME or configs/NAME.py, from any folder.
    """
    path = Path(path)
    is_bare = path.name == str(path) and not path.suffix
    named = path.with_suffix('.py') if is_bare else path
    inside = named.relative_to('configs') if named.parts[:1] == ('configs',) else named
    ours = is_bare or inside != named
    candidates = [path, named, *([FOLDER / inside] if ours else [])]
    return next((file for file in candidates if file.is_file()), path)


def find_weights(name: str | Path) -> Path | None:
    """Return the weights that come with this package for a config of ours, named as for :func:`find_config`; None: none."""
    config = find_config(name)
    file = WEIGHTS / f'{config.stem}.safetensors'
    return file if config.parent == FOLDER and file.is_file() else None


def data_roots() -> dict[str, str]:
    """Return the environment variables that say where data sets are, and where they are looked for without them."""
    texts = [file.read_text(encoding='utf-8') for file in sorted(FOLDER.rglob('*.py'))]
    return {name: default for text in texts for name, default in re.findall(r'\{\{\$(\w+_ROOT):(.*?)\}\}', text)}
