"""Settings proposed from a sample of pictures that are not colours of 8 bits. H W size in pixels, C bands, N values."""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from mmengine.config import Config
from mmseg.registry import TRANSFORMS

from mmseg_vitseg.checking.machine_lacks import missing_root
from mmseg_vitseg.checking.sample import evenly_spaced
from mmseg_vitseg.checking.sampled_data import SAMPLE, Track
from mmseg_vitseg.checking.training_setup import Setup, build_dataset
from mmseg_vitseg.config.building import use_scope
from mmseg_vitseg.config.parts import Part, by, class_of, quiet
from mmseg_vitseg.datasets.band_files import read_bands
from mmseg_vitseg.datasets.bands import BandRule, Scale, counted
from mmseg_vitseg.datasets.load_image import LoadImage
from mmseg_vitseg.errors import listed

MOST_VALUES = 1 << 22  # that are kept of all pictures
MOST_PIXELS = 4096  # that are kept of one
LOW, HIGH = 1, 99  # hundredths of a band's values that become 0 and 255
PREPROCESSOR = 'mmseg_vitseg.SegDataPreProcessor'
FEW = 16  # bands up to which each has a scale, and a line, of its own
BEYOND = 0.05  # share of values that a scale may cut off before it is said
FAR = 1  # standard deviation of the values, from which on a mean of the config is not theirs
CROWDED = 0.005  # share of pixels of one value in all bands, from which on it may stand for no data


@dataclass
class SeenBands:
    """What a sample of a data set's pictures holds.

    Args:
        key: the data set's.
        rule: how they are read.
        total: how many pictures the data set has.
        kinds: (bands, dtype) -> the first picture that is so.
        sizes: (H, W) of each.
        values: of some pixels of each, (N, C), without those that have no data.
        missing: share of pixels without data, of each.
    """

    key: str
    rule: BandRule
    total: int
    kinds: dict[tuple[int, str], str] = field(default_factory=dict)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    missing: list[float] = field(default_factory=list)

    def add(self, path: str) -> None:
        """Look at a picture; one that cannot be read is left out: mistakes_in_data says so."""
        try:
            picture, nowhere = read_bands(path, self.rule)
        except Exception:  # files fail in their own ways
            return
        height, width, count = picture.shape
        self.kinds.setdefault((count, str(picture.dtype)), path)
        self.sizes.append((height, width))
        self.missing.append(0.0 if nowhere is None else float(nowhere.mean()))
        pixels = picture.reshape(-1, count) if nowhere is None else picture[~nowhere]
        most = max(1, min(MOST_PIXELS, MOST_VALUES // (SAMPLE * count)))
        self.values.append(pixels[:: max(1, len(pixels) // most)])

    @property
    def of_colours(self) -> bool:
        """Tell whether all are grey or colours of 8 bits, which the host reads."""
        return set(self.kinds) <= {(1, 'uint8'), (3, 'uint8')}


def propose_bands(cfg: Config, track: Track = lambda indices, text: indices) -> Iterator[str]:
    """Yield lines about a sample of each training data set whose pictures are not colours of 8 bits: what it holds, and the
    settings for it.

    Args:
        cfg: as :func:`~mmseg_vitseg.checking.checks.check_config` takes it.
        track: gets the indices of a sample and a text, and gives the indices back: for progress.
    """
    use_scope(cfg)
    setup = Setup(cfg)
    for wrapped in setup.datasets('train_dataloader'):
        step = _step_of(wrapped[0])
        seen = None if missing_root(wrapped[0]) else _look(wrapped[0], step, track)
        if seen and not (seen.of_colours and step is None):
            yield from _lines(seen, step, setup.preprocessor)


def _step_of(part: Part) -> LoadImage | None:
    """Return a data set's LoadImage, where it has bands."""
    for node in (step.node for step in part.children('pipeline')):
        cls = class_of(node, TRANSFORMS)
        if cls is not None and issubclass(cls, LoadImage) and node.get('bands') is not None:
            with suppress(ValueError, TypeError):  # mistakes_in_data says so
                return cls(**{name: value for name, value in node.items() if name not in ('type', '_scope_')})
    return None


def _look(part: Part, step: LoadImage | None, track: Track) -> SeenBands | None:
    try:
        with quiet():
            dataset = build_dataset(part, pipeline=[])
            paths = [str(dataset.get_data_info(index)['img_path']) for index in evenly_spaced(len(dataset), SAMPLE)]
            rule = BandRule() if step is None or step.rule is None else BandRule(nodata=step.rule.nodata)
    except Exception:  # data sets fail in their own ways: mistakes_in_data says so
        return None
    seen = SeenBands(part.key, rule, len(dataset))
    rest = iter(range(len(paths)))
    while not seen.kinds and (index := next(rest, None)) is not None:
        seen.add(paths[index])
    if not seen.kinds:
        return None
    for index in track([*rest], f'{part.key}: bands') if step or not seen.of_colours else ():
        seen.add(paths[index])
    return seen


def _lines(seen: SeenBands, step: LoadImage | None, preprocessor: Part | None) -> Iterator[str]:
    fewest = min(count for count, _ in seen.kinds)
    asked = 'all' if step is None or step.rule is None else step.rule.bands
    numbers = [number for number in (range(1, fewest + 1) if asked == 'all' else asked) if number <= fewest]
    values = np.concatenate([one[:, [number - 1 for number in numbers]] for one in seen.values])
    yield _headline(seen)
    if not values.size:
        return
    scale = None if {dtype for _, dtype in seen.kinds} == {'uint8'} else _scale(values)
    scaled = BandRule(scale=scale, nodata=None)(values[None])[0][0].astype(np.float64)
    yield from _table(numbers, values, scaled)
    if step and step.rule and not {*step.rule.given.values()} <= {1, len(numbers)}:  # which loading refuses
        step = None
    yield from _remarks(numbers, values, step)
    yield from _far_means(numbers, values, step, preprocessor)
    all_of_each = asked == 'all' and len({count for count, _ in seen.kinds}) == 1
    arguments = {
        'bands': 'all' if all_of_each else tuple(numbers),
        **({} if scale is None else {'scale': scale}),
        **({} if seen.rule.nodata == 'file' else {'nodata': seen.rule.nodata}),
    }
    means, spreads = ([round(float(one), 1) for one in found] for found in (scaled.mean(0), scaled.std(0)))
    yield '  settings that fit, to paste:'
    yield f"    dict(type='mmseg_vitseg.LoadImage', {', '.join(f'{name}={value!r}' for name, value in arguments.items())})"
    yield f"    data_preprocessor=dict(type='{PREPROCESSOR}', mean={means}, std={spreads}, bgr_to_rgb=False)"
    yield f'    backbone=dict(in_channels={len(numbers)})'


def _headline(seen: SeenBands) -> str:
    several = len(seen.kinds) > 1
    kinds = [
        f'{counted(count)}, {dtype}' + (f' ({path})' if several else '') for (count, dtype), path in seen.kinds.items()
    ]
    return (
        f'pictures of {seen.key}, {len(seen.sizes)} of {seen.total} looked at: {listed(kinds, between="; ")}; '
        f'{" to ".join(map(by, sorted({min(seen.sizes), max(seen.sizes)})))}; '
        f'no data: {100 * np.mean(seen.missing):.1f} % of the pixels'
    )


def _scale(values: np.ndarray) -> Scale:
    """Return what becomes 0 and 255: a pair a band, or one for many bands."""
    low, high = np.percentile(values, (LOW, HIGH), axis=0)
    high = np.where(high > low, high, low + np.maximum(1, np.abs(low) / 1000))  # of one value alone, in float32 too
    if len(low) > FEW:
        low, high = low.min(keepdims=True), high.max(keepdims=True)
    pairs = [_rounded(one, other) for one, other in zip(low, high, strict=True)]
    return pairs[0] if len(pairs) == 1 else pairs


def _rounded(low: float, high: float) -> tuple[float, float]:
    """Return two numbers in few digits, as a person would write them: of their difference three, whole from 100 on."""
    digits = max(0, 2 - math.floor(math.log10(high - low)))
    return round(float(low), digits or None), round(float(high), digits or None)


def _table(numbers: Sequence[int], values: np.ndarray, scaled: np.ndarray) -> Iterator[str]:
    yield f'  {"band":>4} {"1 %":>10} {"99 %":>10} {"mean":>10} {"std":>10}   after the scale: {"mean":>6} {"std":>6}'
    columns = (*np.percentile(values, (LOW, HIGH), axis=0), values.mean(0, np.float64), values.std(0, np.float64))
    for index, number in enumerate(numbers[:FEW]):
        row = ' '.join(f'{column[index]:>10.5g}' for column in columns)
        yield f'  {number:>4} {row} {" " * 18} {scaled[:, index].mean():>7.1f} {scaled[:, index].std():>6.1f}'
    if len(numbers) > FEW:
        yield f'  ... and {len(numbers) - FEW} more bands'


def _remarks(numbers: Sequence[int], values: np.ndarray, step: LoadImage | None) -> Iterator[str]:
    """Yield what may be no data, and what the config's own scale cuts off."""
    alike = values[(values == values[:, :1]).all(axis=1), 0]
    if values.shape[1] > 1 and len(alike):
        found, counts = np.unique(alike, return_counts=True)
        share = counts.max() / len(values)
        if share >= CROWDED:
            value = f'{found[counts.argmax()]:g}'
            yield f'  {100 * share:.1f} % of the pixels are {value} in every band: no data? Then nodata={value}'
    if step is None or step.rule is None or step.rule.scale is None:
        return
    low, high = step.rule.scale
    beyond = ((values < low) | (values > high)).mean(axis=0)
    for number, share in zip(numbers, beyond, strict=True):
        if share > BEYOND:
            yield f'  {100 * share:.1f} % of the values of band {number} are beyond the scale of the config, and cut off'


def _far_means(
    numbers: Sequence[int], values: np.ndarray, step: LoadImage | None, preprocessor: Part | None
) -> Iterator[str]:
    """Yield which means of the config are far from those of the values that its step gives."""
    means = preprocessor.node.get('mean') if preprocessor else None
    if preprocessor is None or not means or len(means) not in (1, len(numbers)) or step is None or step.rule is None:
        return
    given = step.rule(values[None])[0][0].astype(np.float64)
    for number, mean, column in zip(numbers, np.broadcast_to(means, len(numbers)), given.T, strict=True):
        if abs(mean - column.mean()) > FAR * max(column.std(), 1e-6):
            yield (
                f'  {preprocessor.key}.mean is {mean:g} for band {number}, whose values have the mean '
                f'{column.mean():.5g} and the std {column.std():.5g}'
            )
