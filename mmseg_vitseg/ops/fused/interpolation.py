"""What the kernels share: a resampled logit of each of a program's pixels, in registers.

P pixels of a program, all in one row, T taps a side.
"""

import triton
import triton.language as tl

PIXELS = 128  # of a program, a thread each
LAUNCH = dict(P=PIXELS, num_warps=PIXELS // 32, enable_fp_fusion=True)
# sizes are not constants of a kernel: it is compiled once for all of them
SIZES = ['K', 'h', 'w', 'H', 'W', 'ignore_index', 'reached_rows', 'reached_columns']


@triton.jit
def resampled(
    plane, row_index, row_weight, column_index, column_weight, y, x, w,
    TR: tl.constexpr, TC: tl.constexpr, FINITE: tl.constexpr = False,
):  # fmt: skip
    """Return (P,) of R x C^T in float32: a sum of TR * TC logits each, row by row.

    Args:
        plane: where the logits (h, w) of a class begin.
        row_index, row_weight: (H, TR), of R.
        column_index, column_weight: (W, TC), of C.
        y: the pixels' row.
        x: (P,), their columns.
        w: width of the logits.
        FINITE: take what is infinite or no number for the largest or least number, a quarter of it, as in strips.
    """
    total = tl.zeros([x.shape[0]], tl.float32)
    for i in tl.static_range(TR):
        row = tl.load(row_index + y * TR + i) * w
        part = tl.zeros([x.shape[0]], tl.float32)
        for j in tl.static_range(TC):
            logit = tl.load(plane + row + tl.load(column_index + x * TC + j)).to(tl.float32)
            if FINITE:
                logit = tl.where(logit != logit, 8.5e37, logit)
                logit = tl.minimum(tl.maximum(logit, -8.5e37), 8.5e37)
            part += tl.load(column_weight + x * TC + j) * logit
        total += tl.load(row_weight + y * TR + i) * part
    return total


@triton.jit
def exp(x):
    """Return e^x = 2^(x log2 e), which a GPU computes."""
    return tl.exp2(x * 1.4426950408889634)
