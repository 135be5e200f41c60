"""Cross-entropy of resampled logits that are in no memory: the sums of losses, and the logits' gradient.

B batch, K classes, h w size of the logits, H W size of the labels, z resampled logits, P pixels of a program.

Going through a pixel's classes with m the largest z so far and s the sum of exp(z - m), a further z of m or less adds
exp(z - m) to s; a larger one becomes m, and s becomes s exp(m - z) + 1. Then lse = m + log s, the loss is lse - z_t of the
label t, and its derivative by z_k is exp(z_k - lse) - [k = t].

The gradient of a logit is the sum of these over the pixels that it reaches, times what it weighs in each. A program of the
second kernel goes through the pixels around its logits and makes z once more. No number is added to by two programs, so
the bits are the same each time.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from mmseg_vitseg.ops.fused.interpolation import LAUNCH, PIXELS, SIZES, exp, resampled
from mmseg_vitseg.ops.fused.taps import Tables

CLASSES = 4  # of a program of the second kernel, which reads labels and tables once for all of them


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    class_weight: Tensor | None,
    tables: Tables,
    ignore_index: int,
    with_gradient: bool,
) -> tuple[Tensor, Tensor]:
    """Launch the kernels.

    Args:
        logits: (B, K, h, w), float32, float16 or bfloat16; computed in float32.
        labels: (B, H, W), integers; one that is neither a class nor ``ignore_index`` makes the sum of losses NaN.
        class_weight: (K,), or None.
        tables: of the resampling from (h, w) to (H, W), on the same device.
        with_gradient: compute it.

    Returns:
        sums (4,), float64: of the weighted losses, of the weights, of pixels that are right, of pixels that count;
        the gradient of the first by the logits, (B, K, h, w), float32, or (0,).
    """
    logits, labels = logits.contiguous(), labels.contiguous()
    batch, classes, height, width = logits.shape
    size = labels.shape[1:]
    weight = labels if class_weight is None else class_weight.float().contiguous()  # if None, not read
    lse = torch.empty(labels.shape, dtype=torch.float32, device=logits.device)
    parts = lse.new_empty(batch * size[0] * triton.cdiv(size[1], PIXELS), 4)
    gradient = lse.new_empty(logits.shape if with_gradient else 0)
    rows, columns, reached_rows, reached_columns = tables
    numbers = classes, height, width, *size, ignore_index
    taps = dict(TR=rows.index.shape[1], TC=columns.index.shape[1])
    compiled = dict(WEIGHTED=class_weight is not None, **taps, **LAUNCH)
    with torch.cuda.device_of(logits):
        _losses[(len(parts),)](logits, labels, weight, *rows, *columns, lse, parts, *numbers, **compiled)
        if with_gradient:
            grid = batch * height * triton.cdiv(width, PIXELS), triton.cdiv(classes, CLASSES)
            reached = *reached_rows, *reached_columns, reached_rows.index.shape[1], reached_columns.index.shape[1]
            _gradient[grid](logits, labels, weight, *rows, *columns, *reached, lse, gradient, *numbers, **compiled)
    return parts.sum(0, dtype=torch.float64), gradient


@triton.jit(do_not_specialize=SIZES)
def _losses(
    logits, labels, class_weight, row_index, row_weight, column_index, column_weight, lse_out, parts,
    K, h, w, H, W, ignore_index,
    TR: tl.constexpr, TC: tl.constexpr, WEIGHTED: tl.constexpr, P: tl.constexpr,
):  # fmt: skip
    """Of P pixels of a row of an image: their lse, infinite where a pixel does not count, and their part of the sums."""
    line = tl.program_id(0) // tl.cdiv(W, P)  # image * H + y
    x = tl.program_id(0) % tl.cdiv(W, P) * P + tl.arange(0, P)
    near = tl.minimum(x, W - 1)
    pixel = line.to(tl.int64) * W + near
    label = tl.load(labels + pixel).to(tl.int64)
    counted = (x < W) & (label != ignore_index)
    wrong = counted & ((label < 0) | (label >= K))
    target = tl.where(counted & (label >= 0) & (label < K), label, 0).to(tl.int32)

    largest = tl.full([P], -1e38, tl.float32)  # above a class that is masked by minus infinity
    total = tl.zeros([P], tl.float32)
    picked = tl.zeros([P], tl.float32)
    plane = logits + (line // H).to(tl.int64) * K * h * w
    for k in range(K):
        z = resampled(plane, row_index, row_weight, column_index, column_weight, line % H, near, w, TR, TC)
        picked = tl.where(target == k, z, picked)
        smaller = exp(-tl.abs(z - largest))
        total = tl.where(z > largest, total * smaller + 1.0, total + smaller)
        largest = tl.where(z > largest, z, largest)
        plane += h * w

    lse = largest + tl.log(total)
    tl.store(lse_out + pixel, tl.where(counted, lse, float('inf')), mask=x < W)
    weight = tl.where(counted, 1.0, 0.0)
    if WEIGHTED:
        weight *= tl.load(class_weight + target)
    loss = tl.where(counted, (lse - picked) * weight, 0.0)
    loss = tl.where(wrong, float('nan'), loss)
    parts += tl.program_id(0).to(tl.int64) * 4
    tl.store(parts, tl.sum(loss, axis=0))
    tl.store(parts + 1, tl.sum(weight, axis=0))
    tl.store(parts + 2, tl.sum(tl.where(counted & (picked == largest), 1.0, 0.0), axis=0))
    tl.store(parts + 3, tl.sum(tl.where(counted, 1.0, 0.0), axis=0))


@triton.jit(do_not_specialize=SIZES)
def _gradient(
    logits, labels, class_weight, row_index, row_weight, column_index, column_weight,
    reached_row_index, reached_row_weight, reached_column_index, reached_column_weight, reached_rows, reached_columns,
    lse_in, gradient, K, h, w, H, W, ignore_index,
    TR: tl.constexpr, TC: tl.constexpr, WEIGHTED: tl.constexpr, P: tl.constexpr,
):  # fmt: skip
    """The gradient of P logits of a row of an image, four classes of them, from the pixels that they reach."""
    line = tl.program_id(0) // tl.cdiv(w, P)  # image * h + row
    row = line % h
    column = tl.program_id(0) % tl.cdiv(w, P) * P + tl.arange(0, P)
    near = tl.minimum(column, w - 1)
    image = (line // h).to(tl.int64)
    k = tl.program_id(1) * 4
    plane = logits + image * K * h * w
    plane0 = plane + k.to(tl.int64) * (h * w)
    plane1 = plane + tl.minimum(k + 1, K - 1).to(tl.int64) * (h * w)
    plane2 = plane + tl.minimum(k + 2, K - 1).to(tl.int64) * (h * w)
    plane3 = plane + tl.minimum(k + 3, K - 1).to(tl.int64) * (h * w)
    sum0 = tl.zeros([P], tl.float32)
    sum1 = tl.zeros([P], tl.float32)
    sum2 = tl.zeros([P], tl.float32)
    sum3 = tl.zeros([P], tl.float32)
    for i in range(reached_rows):
        y = tl.load(reached_row_index + row * reached_rows + i)
        row_share = tl.load(reached_row_weight + row * reached_rows + i)
        pixels = (image * H + y) * W
        for j in range(reached_columns):
            x = tl.load(reached_column_index + near * reached_columns + j)
            share = row_share * tl.load(reached_column_weight + near * reached_columns + j)
            label = tl.load(labels + pixels + x).to(tl.int64)
            target = tl.where((label == ignore_index) | (label < 0) | (label >= K), -1, label).to(tl.int32)
            if WEIGHTED:
                share *= tl.load(class_weight + tl.maximum(target, 0))
            lse = tl.load(lse_in + pixels + x)  # infinite of a pixel that does not count: its softmax is zero
            z = resampled(plane0, row_index, row_weight, column_index, column_weight, y, x, w, TR, TC)
            sum0 += (exp(z - lse) - tl.where(target == k, 1.0, 0.0)) * share
            z = resampled(plane1, row_index, row_weight, column_index, column_weight, y, x, w, TR, TC)
            sum1 += (exp(z - lse) - tl.where(target == k + 1, 1.0, 0.0)) * share
            z = resampled(plane2, row_index, row_weight, column_index, column_weight, y, x, w, TR, TC)
            sum2 += (exp(z - lse) - tl.where(target == k + 2, 1.0, 0.0)) * share
            z = resampled(plane3, row_index, row_weight, column_index, column_weight, y, x, w, TR, TC)
            sum3 += (exp(z - lse) - tl.where(target == k + 3, 1.0, 0.0)) * share
    gradient += (image * K + k) * (h * w) + row * w
    tl.store(gradient + column, sum0, mask=column < w)
    tl.store(gradient + h * w + column, sum1, mask=column < tl.where(k + 1 < K, w, 0))
    tl.store(gradient + 2 * h * w + column, sum2, mask=column < tl.where(k + 2 < K, w, 0))
    tl.store(gradient + 3 * h * w + column, sum3, mask=column < tl.where(k + 3 < K, w, 0))
