"""Whether it is right: the tests that need a GPU, and our results beside the host's in float32 without TF32."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from gpu.cases import B0, PUP, of_size, place
from gpu.limits import last_lines, run_limited
from gpu.session import Session, precision
from mmseg_vitseg.benchmark.differences import Comparison, compare_variants
from mmseg_vitseg.benchmark.steps import Step
from mmseg_vitseg.benchmark.suite import Case
from mmseg_vitseg.benchmark.variants import Settings

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 90  # of pytest; the kernels of some forty cases are compiled in it
# of logits near 1: another order of sums over some thousand numbers in each of 24 blocks, and no more
TOLERANCE = 1e-3
# of a checkout: no -n auto, which is of no use on one GPU; newer packages than we test with may warn
OPTIONS = '-o addopts= --import-mode=importlib -p no:cacheprovider -W default'


def run(session: Session) -> None:
    """Write what pytest says, and how far the results are apart."""
    session.attempt('pytest -m gpu', partial(marked_tests, session))
    for case, mode, batch in ((B0, 'predict', 1), (B0, 'train', 2), (PUP, 'train', 1)):
        case = of_size(case, session)
        values = dict(case=case.name, mode=mode)
        found = session.attempt('equality', partial(difference, session, case, mode, batch), **values)
        if found is not None:
            write_equality(session, found, **values)


def write_equality(session: Session, found: Comparison, **values: Any) -> None:
    """Write a comparison's row, with an error if the results are too far apart."""
    off = found.max_abs_diff is not None and found.max_abs_diff > TOLERANCE
    session.row(
        'equality',
        **values,
        max_abs_diff=found.max_abs_diff,
        labels_agree=found.labels_agree,
        error=found.note or (f'apart by more than {TOLERANCE}' if off else ''),
    )


def marked_tests(session: Session) -> None:
    """Run the tests that are marked as a GPU's, from the files that have some: others may need what is not here."""
    files = [str(path) for path in sorted(ROOT.glob('tests/**/test_*.py')) if 'mark.gpu' in path.read_text()]
    device = dict(TRITON_INTERPRET='0') if session.on_gpu else dict(CUDA_VISIBLE_DEVICES='')
    log = session.out / 'pytest.log'
    command = [sys.executable, '-m', 'pytest', '-q', '-m', 'gpu', *files]
    status = run_limited(command, SECONDS, log, dict(PYTEST_ADDOPTS=OPTIONS, **device))
    last = ' '.join(last_lines(log, 1))
    session.row('pytest -m gpu', status=status, last=last, error=f'status {status}: {log.name}' if status else '')


def difference(session: Session, case: Case, mode: str, batch: int) -> Comparison:
    """Compare our results with the host's, from the same weights."""
    settings = Settings(mode=mode, shape=case.shape, batch_size=batch, device=session.device)
    with precision('float32'):
        ours, host = (Step(place(variant, session.device), settings) for variant in case.variants(ROOT / 'configs'))
        return compare_variants(ours, host)
