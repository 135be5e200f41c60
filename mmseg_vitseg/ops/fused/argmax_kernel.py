"""The classes of resampled logits that are in no memory.

K classes, h w size of the logits, H W size of the result, z resampled logits, P pixels of a program.

A program goes through its pixels' classes with m the largest z so far and s the sum of exp(z - m), as the loss does; at the
end the softmax of the best class is exp(m - m) / s.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from mmseg_vitseg.ops.fused.interpolation import LAUNCH, PIXELS, SIZES, exp, resampled
from mmseg_vitseg.ops.fused.taps import Tables


def argmax(logits: Tensor, tables: Tables, confidence: bool) -> tuple[Tensor, Tensor]:
    """Launch the kernel.

    Args:
        logits: (K, h, w), float32, float16 or bfloat16; computed in float32.
        tables: of the resampling from (h, w) to (H, W), on the same device.
        confidence: compute the softmax's largest value.

    Returns:
        labels (H, W), int64, the first of the best classes; probabilities, (H, W), float32, or (0,).
    """
    logits = logits.contiguous()
    rows, columns = tables.rows, tables.columns
    height, width = len(rows.index), len(columns.index)
    labels = torch.empty(height, width, dtype=torch.int64, device=logits.device)
    probabilities = torch.empty(labels.shape if confidence else 0, dtype=torch.float32, device=logits.device)
    with torch.cuda.device_of(logits):
        _argmax[(height * triton.cdiv(width, PIXELS),)](
            *(logits, *rows, *columns, labels, probabilities, *logits.shape, width),
            **dict(TR=rows.index.shape[1], TC=columns.index.shape[1], CONFIDENT=confidence, **LAUNCH),
        )
    return labels, probabilities


@triton.jit(do_not_specialize=SIZES)
def _argmax(
    logits, row_index, row_weight, column_index, column_weight, labels, probabilities, K, h, w, W,
    TR: tl.constexpr, TC: tl.constexpr, CONFIDENT: tl.constexpr, P: tl.constexpr,
):  # fmt: skip
    """The classes of P pixels of a row."""
    y = tl.program_id(0) // tl.cdiv(W, P)
    x = tl.program_id(0) % tl.cdiv(W, P) * P + tl.arange(0, P)
    near = tl.minimum(x, W - 1)
    largest = tl.full([P], -1e38, tl.float32)  # below what the least logit is taken for
    total = tl.zeros([P], tl.float32)
    best = tl.zeros([P], tl.int64)
    for k in range(K):
        z = resampled(logits, row_index, row_weight, column_index, column_weight, y, near, w, TR, TC, True)
        if CONFIDENT:
            smaller = exp(-tl.abs(z - largest))
            total = tl.where(z > largest, total * smaller + 1.0, total + smaller)
        best = tl.where(z > largest, k, best)
        largest = tl.maximum(z, largest)
        logits += h * w
    pixel = y.to(tl.int64) * W + x
    tl.store(labels + pixel, best, mask=x < W)
    if CONFIDENT:
        tl.store(probabilities + pixel, 1.0 / total, mask=x < W)
