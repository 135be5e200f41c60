"""EoMT with random weights, ours and Hugging Face's in turn: labels, and training steps with all attention masked."""

from dataclasses import replace
from functools import partial
from typing import Any

import torch

from gpu.cases import CONFIGS, place
from gpu.session import Session, precision
from gpu.tests import TOLERANCE
from mmseg_vitseg.benchmark.differences import compare_variants
from mmseg_vitseg.benchmark.steps import Step
from mmseg_vitseg.benchmark.suite import WHOLE
from mmseg_vitseg.benchmark.variants import Settings, Variant

CASES = ('eomt_l_ade20k', 'eomt_s_ade20k')
BATCHES = {'predict': 1, 'train': 2}
KINDS = ('default', 'bfloat16')  # of PRECISIONS
SECONDS = 1.0  # of rounds, a row
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
        values: dict[str, Any] = dict(case=case, mode=mode, batch_size=batch, shape=f'{side}x{side}')
        if mode == 'predict':
            with precision('float32'):
                found = compare_variants(Step(built['ours'], settings), Step(built['hf'], settings))
            off = found.max_abs_diff is None or found.max_abs_diff > TOLERANCE
            error = found.note or (f'apart by more than {TOLERANCE}' if off else '')
            apart = dict(max_abs_diff=found.max_abs_diff, labels_agree=found.labels_agree)
            session.row('equality', **values, **apart, error=error)
        for kind in KINDS:
            dtype = 'bfloat16' if kind == 'bfloat16' else 'float32'
            for segmentor in built.values():
                segmentor.model.zero_grad(set_to_none=True)
            steps = {name: Step(one, replace(settings, dtype=dtype)) for name, one in built.items()}
            with precision(kind):
                session.in_turn('step', steps, seconds=SECONDS, **values, dtype=kind)
    if session.on_gpu:
        torch.cuda.empty_cache()
