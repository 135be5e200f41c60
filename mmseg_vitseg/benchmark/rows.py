"""A row of the report: what was measured of one variant."""

from dataclasses import dataclass, field
from statistics import median

from mmseg_vitseg.benchmark.variants import Settings

KEYS = (
    'config',
    'variant',
    'mode',
    'shape',
    'batch_size',
    'dtype',
    'params_m',
    'gflops',
    'latency_ms',
    'images_per_s',
    'peak_memory_mb',
    'ratio_latency',
    'ratio_memory',
    'max_abs_diff',
    'labels_agree',
    'launches',
    'launches_loss',
    'waits',
    'moved_gb',
)


@dataclass
class Row:
    """One variant's figures; None where there is none.

    Args:
        config: what was measured: a config's name, and in the suite what was changed in it.
        variant: ``ours`` for the config's own model, ``stock``, ``hf``, or the other config's name.
        settings: how it was run.
        params_m: millions of parameters, auxiliary heads included.
        gflops: billions of operations of a forward pass of one image; see :func:`count_gflops`.
        times_ms: of each round, milliseconds of a step on the whole batch.
        peak_memory_mb: MiB that steps add to the weights; see :func:`peak_memory_mb`.
        ratios: this variant's latency over the first variant's, round by round; above 1 the first is faster.
        ratio_memory: the same of the peak memory.
        max_abs_diff: see :class:`Comparison`; with the first variant, and of the first with itself in float32.
        labels_agree: likewise.
        launches, launches_loss, waits, moved_gb: see :class:`Counts`; where they are counted, nothing is timed.
        notes: why figures are missing, or in what it is another model.
    """

    config: str
    variant: str
    settings: Settings
    params_m: float | None = None
    gflops: float | None = None
    times_ms: list[float] = field(default_factory=list)
    peak_memory_mb: float | None = None
    ratios: list[float] = field(default_factory=list)
    ratio_memory: float | None = None
    max_abs_diff: float | None = None
    labels_agree: float | None = None
    launches: int | None = None
    launches_loss: int | None = None
    waits: int | None = None
    moved_gb: float | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def latency_ms(self) -> dict[str, float] | None:
        """Smallest, median and largest time of a step."""
        return spread(self.times_ms)

    def to_json(self) -> dict:
        """Return the row under KEYS; a note stands behind the variant's name, and a ratio is the rounds' median."""
        latency, ratio = self.latency_ms, spread(self.ratios)
        derived = dict(
            variant=': '.join([self.variant, *(['; '.join(self.notes)] if self.notes else [])]),
            mode=self.settings.mode,
            shape=list(self.settings.shape),
            batch_size=self.settings.batch_size,
            dtype=self.settings.dtype,
            images_per_s=latency and 1e3 * self.settings.batch_size / latency['median'],
            ratio_latency=ratio and ratio['median'],
        )
        return {key: derived[key] if key in derived else getattr(self, key) for key in KEYS}


def spread(values: list[float]) -> dict[str, float] | None:
    """Return the smallest, the median and the largest value, or None of nothing."""
    return dict(min=min(values), median=median(values), max=max(values)) if values else None
