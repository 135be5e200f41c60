"""Packages that a format needs and that are not installed with this one."""

from importlib.util import find_spec


def check_packages(form: str, *packages: str) -> None:
    """Check that the packages are there that a format is written with.

    Raises:
        ValueError: one is not; says how to install it.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise ValueError(
            f'--format {form}: is written with {" and ".join(missing)}, not installed here: pip install '
            f"{' '.join(missing)}, or this package's extras: '.[coco,geo]'"
        )
