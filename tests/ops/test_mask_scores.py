"""Classes of a mask transformer in strips against the plain form: whole maps resized, sigmoid, sum, and resized again."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from mmseg_vitseg.ops import mask_scores, resampling
from mmseg_vitseg.ops.mask_scores import mask_argmax_of, mask_scores_of
from mmseg_vitseg.ops.resampling import Resampling, resizings, unchanged

COMPILED = pytest.mark.filterwarnings('ignore')  # torch's own, while it compiles
quick = settings(derandomize=True, deadline=None, max_examples=60, database=None)
side, flags, seeds = st.integers(1, 9), st.booleans(), st.integers(0, 2**16)


def resized(x, size):
    return F.interpolate(x[None], size=size, mode='bilinear')[0]


def scores_of(masks, probabilities, window):
    """Return the scores (K, a, b) of a window, of masks (Q, h, w) and probabilities (Q, K)."""
    return torch.einsum('qk,qhw->khw', probabilities, resized(masks, window).sigmoid())


def drawn(seed, queries, classes, size, count=(1, 1), dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    masks = torch.randn(*count, queries, *size, generator=generator, dtype=torch.float64).to(dtype) * 4
    logits = torch.randn(*count, queries, classes + 1, generator=generator, dtype=torch.float64).to(dtype) * 3
    return masks, logits.softmax(-1)[..., :-1]


def side_by_side(masks):
    """Put the masks of windows (n_y, n_x, Q, h, w) into one map (Q, n_y h, n_x w)."""
    return masks.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)


def check(found, shares, scores):
    """Equal to the plain ones but where the two best are closer than rounding."""
    best, second = F.pad(scores, (0, 0, 0, 0, 0, 1), value=-1.0).topk(2, dim=0).values
    sure = best - second > 1e-5
    assert torch.equal(found[sure], scores.argmax(0)[sure])
    assert_close(shares, (best / scores.sum(0)).float())


@quick
@given(
    side, side, side, side, side, side, side, side, flags, flags, seeds, st.sampled_from([torch.float32, torch.float64])
)
def test_one_window(q, k, h, w, a, b, height, width, flip, crop, seed, dtype):
    masks, probabilities = drawn(seed, q, k, (h, w), dtype=dtype)
    scores = scores_of(masks[0, 0], probabilities[0, 0], (a, b))
    outer = unchanged((a, b))
    if crop and a > 1:
        outer, scores = outer.cropped(1, a, 0, b), scores[:, 1:]
    if flip:
        outer, scores = outer.flipped('horizontal'), scores.flip(2)
    outer, scores = outer.resized((height, width), False), resized(scores, (height, width))
    inner = resizings((h, w), ((a, b),), False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(resampling.STRIP_BYTES, 'cpu', 300)
        patch.setattr(resampling, 'COLUMN_BLOCK', 4)
        assert_close(mask_scores_of(masks[0, 0], probabilities, inner, outer), scores, rtol=1e-5, atol=1e-6)
        check(*mask_argmax_of(masks[0, 0], probabilities, inner, outer, confidence=True), scores)


@pytest.mark.parametrize('strip_bytes', [1, 5000, 2**21], ids=['a row', 'some rows', 'one strip'])
@pytest.mark.parametrize('size', [(20, 22), (12, 8), (13, 30)])
def test_overlapping_windows(size, strip_bytes, monkeypatch):
    """Each with its own classes; averaged where they overlap, then resized."""
    monkeypatch.setitem(resampling.STRIP_BYTES, 'cpu', strip_bytes)
    tops, lefts = sorted({0, (size[0] - 12) // 2, size[0] - 12}), sorted({*range(0, size[1] - 8, 7), size[1] - 8})
    masks, probabilities = drawn(0, 7, 5, (3, 4), (len(tops), len(lefts)))
    total, covered = torch.zeros(5, *size), torch.zeros(size)
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            place = slice(top, top + 12), slice(left, left + 8)
            total[(slice(None), *place)] += scores_of(masks[row, column], probabilities[row, column], (12, 8))
            covered[place] += 1
    inner = resizings((3, 4), ((12, 8),), False)
    outer = unchanged((12, 8)).repeated(tops, lefts, size)
    for chain, scores in (
        (outer, total / covered),
        (outer.cropped(1, size[0], 0, 7).resized((31, 17), False), resized((total / covered)[:, 1:, :7], (31, 17))),
    ):
        assert_close(mask_scores_of(side_by_side(masks), probabilities, inner, chain), scores)
        check(*mask_argmax_of(side_by_side(masks), probabilities, inner, chain, confidence=True), scores)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('mixed', [False, True])
def test_half_precision_is_computed_in_float32(dtype, mixed):
    masks, probabilities = drawn(0, 20, 9, (6, 5), dtype=dtype)
    scores = scores_of(masks[0, 0].float(), probabilities[0, 0].float(), (24, 20))
    inner, outer = resizings((6, 5), ((24, 20),), False), unchanged((24, 20))
    with torch.autocast('cpu', torch.bfloat16, enabled=mixed):
        check(*mask_argmax_of(masks[0, 0], probabilities, inner, outer, confidence=True), scores)
        found = mask_scores_of(masks[0, 0], probabilities, inner, outer)
    assert_close(found, scores)


@pytest.mark.parametrize('value', [torch.nan, torch.inf, -torch.inf])
def test_a_mask_that_is_no_number_stays_where_it_is(value):
    masks, probabilities = drawn(0, 5, 3, (16, 16))
    inner, outer = resizings((16, 16), ((64, 64),), False), unchanged((64, 64))
    plain = mask_scores_of(masks[0, 0], probabilities, inner, outer)
    masks[0, 0, 1, 8, 8] = value
    found = mask_scores_of(masks[0, 0], probabilities, inner, outer)
    changed = (found != plain).any(0).nonzero()
    assert len(changed)
    assert changed.min() >= 4 * 7
    assert changed.max() < 4 * 10
    assert found.isfinite().all()


@pytest.mark.parametrize('value', [torch.nan, torch.inf, -torch.inf])
def test_a_query_whose_classes_are_no_numbers_counts_for_nothing(value):
    masks, probabilities = drawn(0, 5, 3, (4, 4))
    inner, outer = resizings((4, 4), ((16, 16),), False), unchanged((16, 16))
    expected = scores_of(masks[0, 0, 1:], probabilities[0, 0, 1:], (16, 16))
    probabilities[0, 0, 0] = value
    check(*mask_argmax_of(masks[0, 0], probabilities, inner, outer, confidence=True), expected)


def test_where_no_query_is_there_is_a_class_all_the_same_and_no_confidence():
    masks, probabilities = torch.full((5, 4, 4), -1e4), torch.full((1, 1, 5, 3), 0.3)
    inner, outer = resizings((4, 4), ((16, 16),), False), unchanged((16, 16))
    labels, confidence = mask_argmax_of(masks, probabilities, inner, outer, confidence=True)
    assert (labels.any(), confidence.any()) == (False, False)


def test_the_first_of_equals():
    masks, probabilities = drawn(0, 5, 2, (4, 4))
    twice = probabilities[..., [0, 1, 0, 1]]
    inner, outer = resizings((4, 4), ((16, 16),), False), unchanged((16, 16)).resized((21, 18), False)
    assert torch.equal(
        mask_argmax_of(masks[0, 0], twice, inner, outer)[0], mask_argmax_of(masks[0, 0], probabilities, inner, outer)[0]
    )


def test_what_changes_nothing_is_left_out(monkeypatch):
    """A picture of the network's own size: the scores are not resampled once more."""
    calls, widened = [], mask_scores.widened
    monkeypatch.setattr(mask_scores, 'widened', lambda x, columns: calls.append(x.shape[1]) or widened(x, columns))
    masks, probabilities = drawn(0, 5, 3, (4, 4))
    inner = resizings((4, 4), ((16, 16),), False)
    whole = unchanged((16, 16)).cropped(0, 16, 0, 16)
    for outer, expected in ((whole, [5]), (whole.resized((17, 17), False), [5, 3])):
        calls.clear()
        mask_argmax_of(masks[0, 0], probabilities, inner, outer)
        assert calls == expected


def test_nothing_of_full_size(monkeypatch):
    """Neither queries nor classes; the largest is the labels' map."""
    largest = []
    for name in ('_upsampled', '_scores'):
        plain = getattr(mask_scores, name)
        monkeypatch.setattr(mask_scores, name, lambda *x, plain=plain: largest.append(plain(*x)) or largest[-1])
    masks, probabilities = drawn(0, 40, 60, (64, 64))
    mask_argmax_of(masks[0, 0], probabilities, resizings((64, 64), ((256, 256),), False), unchanged((256, 256)))
    assert max(one.numel() for one in largest) * 4 <= resampling.STRIP_BYTES['cpu']


def chain(size) -> tuple[Resampling, Resampling]:
    window = size[0] * 4, size[1] * 4
    inner = unchanged(size).resized(window, False)
    return inner, unchanged(window).cropped(1, window[0], 0, window[1]).flipped('vertical').resized((21, 16), False)


@COMPILED
@pytest.mark.parametrize('backend', ['aot_eager', 'inductor'])
def test_the_labels_are_in_one_graph(backend):
    def labels(masks, probabilities):
        return mask_argmax_of(masks * 2, probabilities, *chain(masks.shape[1:]), confidence=True)

    compiled = torch.compile(labels, backend=backend, fullgraph=True)
    for size in ((3, 4), (5, 6), (6, 9)):
        masks, probabilities = drawn(0, 5, 3, size)
        assert_close(compiled(masks[0, 0], probabilities), labels(masks[0, 0], probabilities))


def test_on_the_meta_device():
    """torch's argmax, and nothing that would wait."""
    masks, probabilities = (x.to('meta') for x in drawn(0, 5, 3, (3, 4)))
    labels, shares = mask_argmax_of(masks[0, 0], probabilities, *chain((3, 4)), confidence=True)
    assert (labels.shape, labels.dtype, shares.shape) == ((21, 16), torch.int64, (21, 16))
