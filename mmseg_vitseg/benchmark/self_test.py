"""A test that takes seconds: on this machine, do small models give the numbers of MMSegmentation's own?"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch

from mmseg_vitseg.benchmark.differences import Comparison, compare_variants
from mmseg_vitseg.benchmark.segmentors import Segmentor
from mmseg_vitseg.benchmark.steps import Step, attempt
from mmseg_vitseg.benchmark.variants import Settings, Variant
from mmseg_vitseg.config.shipped import FOLDER

# What is compared -> how. In float32 our kernels are at work; in float64, where rounding is no difference, small ones show.
RUNS: dict[str, dict[str, Any]] = {
    'prediction': dict(mode='predict', dtype='float32'),
    'loss and gradient': dict(mode='train', dtype='float32'),
    'loss and gradient in float64': dict(mode='train', dtype='float64'),
}
ROUNDING = 1e-9  # in float64; losses are about 5, the largest gradients 1e-3
AGREE = 0.999  # of the labels: where two classes are as likely, rounding decides
# A model's name -> one of our configs, and what makes it small and one that the host has.
MODELS: dict[str, tuple[str, dict]] = {
    'SegFormer': ('segformer_b0_ade20k', {'model.decode_head.linear_projection': False}),
    'SETR-PUP': (
        'setr_pup_base_cityscapes',
        {
            'model.backbone.variant': 'tiny',
            'model.decode_head.in_channels': 192,
            'model.auxiliary_head': None,
        },
    ),
}


def self_test(device: str) -> Iterator[str]:
    """Yield what is wrong, in a line each; nothing where all results equal MMSegmentation's from the same weights.

    Without TF32, at the defaults of ``torch.testing.assert_close``; labels but for ties.

    Args:
        device: as torch spells it.
    """
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for name in MODELS:
            pair, why = attempt(partial(_pair, name))
            if why:
                yield f'{name}: {why}'
                continue
            for what, how in RUNS.items():
                settings = Settings(shape=(64, 96), batch_size=2, device=device, **how)
                compared, why = attempt(partial(_compare, pair, settings))
                if wrong := why or difference(compared, settings.dtype):
                    yield f'{name}, {what}: {wrong}'


def _pair(name: str) -> list[Segmentor]:
    """Return ours and the host's."""
    config, options = MODELS[name]
    file = str(FOLDER / f'{config}.py')
    return [Variant(kind, file, kind, options).build() for kind in ('config', 'stock')]


def _compare(pair: Sequence[Segmentor], settings: Settings) -> Comparison:
    ours, host = (Step(segmentor, settings) for segmentor in pair)
    return compare_variants(ours, host)


def difference(comparison: Comparison, dtype: str) -> str:
    """Return in what results of a dtype differ from the host's, or '' where they do not."""
    if comparison.note or comparison.max_abs_diff is None:
        return comparison.note
    if not comparison.equal or (dtype == 'float64' and comparison.max_abs_diff > ROUNDING):
        return f"differs from MMSegmentation's by {comparison.max_abs_diff:.1e}"
    if comparison.labels_agree is not None and comparison.labels_agree < AGREE:
        return f"has MMSegmentation's label in {100 * comparison.labels_agree:.1f} % of the pixels only"
    return ''
