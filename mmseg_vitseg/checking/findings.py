"""What a check reports."""

from dataclasses import dataclass

ERROR, WARNING = 'error', 'warning'


@dataclass(frozen=True)
class Finding:
    """Something in a config that hurts.

    Args:
        severity: ``error``: training, its validation or its result would certainly break; ``warning``: it may be meant.
        key: where, as ``--cfg-options`` takes it.
        what: what stands there, and what it does not fit.
        why: what comes of it.
        fix: what to write instead.
    """

    severity: str
    key: str
    what: str
    why: str
    fix: str

    def __str__(self) -> str:
        return f'{self.key}: {self.what}: {self.why}; {self.fix}'


def error(key: str, what: str, *, why: str, fix: str) -> Finding:
    """Report what would certainly break or spoil a training."""
    return Finding(ERROR, key, what, why, fix)


def warning(key: str, what: str, *, why: str, fix: str) -> Finding:
    """Report what hurts, but may be meant."""
    return Finding(WARNING, key, what, why, fix)
