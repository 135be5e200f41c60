"""EoMT with random weights, ours and Hugging Face's in turn: labels, and training steps with all attention masked."""

from functools import partial

import torch

from gpu.against_host import USUAL, measure
from gpu.cases import CONFIGS, place
from gpu.session import Session, precision
from gpu.tests import write_equality
from mmseg_vitseg.benchmark.differences import compare_variants
from mmseg_vitseg.benchmark.steps import Step
from mmseg_vitseg.benchmark.suite import WHOLE
from mmseg_vitseg.benchmark.variants import Settings, Variant

CASES = ('eomt_l_ade20k', 'eomt_s_ade20k')
BATCHES = {'predict': 1, 'train': 2}
SIDE = 512


def run(session: Session) -> None:
    """Compare predictions in float32, then measure both modes."""
    for case in CASES[-1:] if session.quick else CASES:
        session.attempt('step', partial(against_hugging_face, session, case), case=case)


def against_hugging_face(session: Session, case: str) -> None:
    """Measure one of our configs."""
    side = 64 if session.quick else SIDE
    config, options = str(CONFIGS / f'{case}.py'), {**WHOLE, 'model.backbone.img_size': side}
    options |= {'model.backbone.num_layers': 4} if session.quick else {}
    variants = Variant('ours', config, 'config', options), Variant('hf', config, 'hf', options)
    built = {variant.name: place(variant, session.device) for variant in variants}
    for mode, batch in BATCHES.items():
        settings = Settings(mode=mode, shape=(side, side), batch_size=batch, device=session.device)
        values = dict(case=case, mode=mode, batch_size=batch, shape=f'{side}x{side}')
        if mode == 'predict':
            with precision('float32'):
                found = compare_variants(Step(built['ours'], settings), Step(built['hf'], settings))
            write_equality(session, found, **values)
        for kind in USUAL:
            measure(session, built, settings, kind, values)
    if session.on_gpu:
        torch.cuda.empty_cache()
