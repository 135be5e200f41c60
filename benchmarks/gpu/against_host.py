"""Training and prediction, ours and the host's in turn."""

from dataclasses import replace
from functools import partial

import torch

from gpu.cases import B0, B2, CONFIGS, PUP, STREET, WINDOWS, of_size, place
from gpu.session import PRECISIONS, Session, precision
from mmseg_vitseg.benchmark.segmentors import Segmentor
from mmseg_vitseg.benchmark.steps import AUTOCAST, Step
from mmseg_vitseg.benchmark.suite import Case
from mmseg_vitseg.benchmark.variants import Settings

USUAL = ('default', 'bfloat16')  # of PRECISIONS
SECONDS = 1.5  # a precision
# mode -> what is run: the case, images a step, precisions
RUNS: dict[str, tuple[tuple[Case, int, tuple[str, ...]], ...]] = {
    'train': (
        (B0, 8, PRECISIONS),
        (PUP, 2, PRECISIONS),
        (B2, 4, USUAL),
        (B0, 2, USUAL),
        (B0, 16, USUAL),
    ),
    'predict': (
        (B0, 1, PRECISIONS),
        (WINDOWS, 1, USUAL),
        (STREET, 1, USUAL),
        (PUP, 1, USUAL),
        (B0, 8, USUAL),
    ),
}
QUICK = 2  # of each, in a quick session


def run(session: Session) -> None:
    """Measure a mode, the phase's name."""
    runs = RUNS[session.phase]
    for case, batch, kinds in runs[:QUICK] if session.quick else runs:
        case = of_size(case, session)
        values = dict(case=case.name, mode=session.phase, batch_size=batch, shape='x'.join(map(str, case.shape)))
        built = session.attempt('step', partial(build, case, session.device), **values)
        settings = Settings(mode=session.phase, shape=case.shape, batch_size=batch, device=session.device)
        for kind in kinds[-1:] if session.quick else kinds:
            if built:
                measure(session, built, settings, kind, values)
        del built
        if session.on_gpu:
            torch.cuda.empty_cache()


def build(case: Case, device: str) -> dict[str, Segmentor]:
    """Return ours and the host's, on the device."""
    return {variant.name: place(variant, device) for variant in case.variants(CONFIGS)}


def measure(session: Session, built: dict[str, Segmentor], settings: Settings, kind: str, values: dict) -> None:
    """Measure steps in a precision, whatever dtype the settings have."""
    settings = replace(settings, dtype=kind if kind in AUTOCAST else 'float32')
    for segmentor in built.values():  # gradients of the precision before would hide those of this one
        segmentor.model.zero_grad(set_to_none=True)
    steps = {name: Step(segmentor, settings) for name, segmentor in built.items()}
    with precision(kind):
        session.in_turn('step', steps, seconds=SECONDS, **values, dtype=kind)
