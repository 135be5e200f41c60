"""The classes of pixels by a mask transformer's queries: scores that are never held, of masks that are never held.

Q queries, K classes; n_y n_x windows of the network's input, side by side (1 x 1 where there are none), h w size of a
window's masks, a b size of a window; H W size of the picture. The score of class k at a pixel of a window is
sum over q of P_q(k) sigmoid(mask_q) (MaskFormer, arXiv 2107.06278, section 3.4; EoMT, 2503.19108), a sum over the queries of
the mask logits, upsampled before the sigmoid. What comes after is linear: windows averaged, cropped, flipped, resized to the
picture. So a strip of the picture needs a few rows of the scores, and these a few rows of the masks.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from mmseg_vitseg.machine import without_autocast
from mmseg_vitseg.ops.defining import define
from mmseg_vitseg.ops.resampling import (
    STRIP_BYTES,
    Band,
    Resampling,
    band_of,
    column_blocks,
    matrix_of,
    resampling_of,
    widened,
)
from mmseg_vitseg.ops.upsample_argmax import finite, first_zero


@torch.no_grad()
def mask_argmax_of(
    masks: Tensor, classes: Tensor, inner: Resampling, outer: Resampling, *, confidence: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Return the class of the largest score, the first of equals, of each pixel.

    Args:
        masks: logits (Q, n_y h, n_x w); computed in float32 at least, whatever autocast says.
        classes: probabilities (n_y, n_x, Q, K), "no object" left out; a query's that are no numbers count as 0.
        inner: of a window's masks, (h, w), to the window, (a, b).
        outer: of all windows side by side, (n_y a, n_x b), to the picture, (H, W).
        confidence: return the largest score over the sum of scores too: they do not sum to 1, as several queries may claim
            a pixel, or none. Where all are 0, it is 0.

    Returns:
        labels (H, W), int64, and confidence (H, W), float32, or None.
    """
    steps = [side.steps for side in (inner.down, inner.across, outer.down, outer.across)]
    labels, shares = torch.ops.mmseg_vitseg.mask_argmax(masks, classes, inner.size, outer.size, *steps, confidence)
    return labels, shares if confidence else None


@torch.no_grad()
def mask_scores_of(masks: Tensor, classes: Tensor, inner: Resampling, outer: Resampling) -> Tensor:
    """Return the scores at full size, (K, H, W), in float32 at least; see :func:`mask_argmax_of`."""
    strips = list(_strips(masks, classes, inner, outer))
    return torch.cat([strip.transpose(0, 1) for _, strip in strips], dim=1)


OPERATOR = 'mmseg_vitseg::mask_argmax'
define(
    OPERATOR,
    '(Tensor masks, Tensor classes, SymInt[] window, SymInt[] size, SymInt[] inner_down, SymInt[] inner_across, '
    'SymInt[] down, SymInt[] across, bool confidence) -> (Tensor, Tensor)',
)


@torch.library.impl(OPERATOR, 'default')
def _argmax(
    masks: Tensor,
    classes: Tensor,
    window: Sequence[int],
    size: Sequence[int],
    inner_down: Sequence[int],
    inner_across: Sequence[int],
    down: Sequence[int],
    across: Sequence[int],
    confidence: bool,
) -> tuple[Tensor, Tensor]:
    """Find the classes: one node of a compiled graph, whatever is done within; of ``confidence`` (H, W) or (0,)."""
    inner, outer = resampling_of(window, inner_down, inner_across), resampling_of(size, down, across)
    labels = torch.empty(outer.size, dtype=torch.int64, device=masks.device)
    shares = torch.empty(outer.size if confidence else 0, dtype=torch.float32, device=masks.device)
    for rows, strip in _strips(masks, classes, inner, outer):
        if masks.device.type != 'cpu' and not confidence:
            labels[rows] = strip.argmax(1)
            continue
        best = strip.amax(1, keepdim=True)  # (r, 1, W)
        if confidence:
            total = strip.sum(1).clamp_min_(torch.finfo(strip.dtype).tiny)
            shares[rows] = (best.squeeze(1) / total).float()
        labels[rows] = first_zero(strip.sub_(best)) if masks.device.type == 'cpu' else strip.argmax(1)
    return labels, shares


@torch.library.register_fake(OPERATOR)
def _(masks, classes, window, size, inner_down, inner_across, down, across, confidence):
    shares = masks.new_empty(size if confidence else (0,), dtype=torch.float32)
    return masks.new_empty(size, dtype=torch.int64), shares


class _Piece(NamedTuple):
    """What a strip of the picture is made of.

    Args:
        start: its first row.
        stop: the one after its last.
        windows: of each row of windows that it needs, which row that is, and which of the scores' rows are from there.
        masks: the rows of the masks that the scores' rows come from.
        scores: the picture's rows from the scores' rows (r, rows); None where they are the same.
    """

    start: int
    stop: int
    windows: list[tuple[int, slice]]
    masks: Band
    scores: Tensor | None


def _strips(masks: Tensor, classes: Tensor, inner: Resampling, outer: Resampling) -> Iterator[tuple[slice, Tensor]]:
    """Yield the rows and the scores (r, K, W) of each strip of the picture."""
    queries, count = masks.shape[0], classes.shape[:2]
    side_by_side = inner if tuple(count) == (1, 1) else _tiled(inner, count)
    with without_autocast(masks.device):
        x = finite(masks).transpose(0, 1).contiguous()  # (n_y h, Q, n_x w)
        by_class = classes.to(x.dtype).nan_to_num(0.0, 0.0, 0.0).transpose(-1, -2)  # (n_y, n_x, K, Q)
        width = max(side_by_side.size[1], outer.size[1])
        row = max(queries, by_class.shape[2]) * width * x.element_size()
        height = max(1, STRIP_BYTES.get(x.device.type, STRIP_BYTES['default']) // row)
        steps = side_by_side.down.steps, outer.down.steps
        columns = column_blocks(side_by_side.across, x)
        to_picture = None if _is_identity(outer.across.steps) else column_blocks(outer.across, x)
        for piece in _pieces(*steps, inner.size[0], height, x.dtype, x.device):
            probabilities = _upsampled(x, piece.masks, columns).sigmoid_()  # (rows, Q, n_x b)
            scores = _scores(probabilities, by_class, piece.windows)  # (rows, K, n_x b)
            del probabilities  # before the next buffers of its size are made
            if to_picture is not None:
                scores = widened(scores, to_picture)  # (rows, K, W)
            if piece.scores is not None:
                scores = (piece.scores @ scores.flatten(1)).unflatten(1, scores.shape[1:])  # (r, K, W)
            yield slice(piece.start, piece.stop), scores


def _upsampled(x: Tensor, band: Band, columns: Sequence[Band]) -> Tensor:
    """Return the rows (rows, Q, W) of maps (h, Q, w) that a band makes."""
    wide = widened(x[band.used], columns)
    return (band.weights @ wide.flatten(1)).unflatten(1, wide.shape[1:])


def _scores(probabilities: Tensor, by_class: Tensor, windows: list[tuple[int, slice]]) -> Tensor:
    """Return the scores (rows, K, n_x b) of pixels' probabilities (rows, Q, n_x b), each window's by its own classes."""
    across, classes = by_class.shape[1:3]
    if len(windows) == across == 1:
        return torch.bmm(by_class[windows[0][0]].expand(len(probabilities), -1, -1), probabilities)
    scores = probabilities.new_empty(len(probabilities), classes, probabilities.shape[2])
    width = probabilities.shape[2] // across
    for index, rows in windows:
        for place in range(across):
            part = probabilities[rows, :, place * width : (place + 1) * width]
            scores[rows, :, place * width : (place + 1) * width] = by_class[index, place] @ part
    return scores


def _tiled(inner: Resampling, count: Sequence[int]) -> Resampling:
    """Return what is done to each of count[0] x count[1] windows, done to all of them side by side."""
    size = [length * times for length, times in zip(inner.size, count, strict=True)]
    tops, lefts = (range(0, whole, length) for whole, length in zip(size, inner.size, strict=True))
    return inner.repeated(tops, lefts, size)


@lru_cache(maxsize=64)
def _pieces(
    inner: tuple[int, ...], outer: tuple[int, ...], window: int, height: int, dtype: torch.dtype, device: torch.device
) -> list[_Piece]:
    """Cut the rows of the picture into pieces of ``height``, of windows of so many rows."""
    to_scores, to_picture, found = matrix_of(inner), matrix_of(outer), []
    for start in range(0, len(to_picture), height):
        rows = to_picture[start : start + height]
        used = rows.ne(0).any(0).nonzero().flatten()
        masks = band_of(to_scores[used], 0, dtype, device)
        indices, counts = (used // window).unique_consecutive(return_counts=True)
        stops = counts.cumsum(0).tolist()
        sections = [slice(first, stop) for first, stop in zip([0, *stops], stops, strict=False)]
        scores = None if _is_identity(outer) else rows[:, used].to(device, dtype)
        windows = list(zip(indices.tolist(), sections, strict=True))
        found.append(_Piece(start, start + len(rows), windows, masks, scores))
    return found


@lru_cache(maxsize=64)
def _is_identity(steps: tuple[int, ...]) -> bool:
    """Tell whether the steps of a side change nothing."""
    matrix = matrix_of(steps)
    return matrix.shape[0] == matrix.shape[1] and torch.equal(matrix, torch.eye(len(matrix), device='cpu'))
