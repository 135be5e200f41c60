"""Sums over the pixels of upsampled logits that are never held: what losses are functions of.

B batch, K classes, h w size of the logits, H W size of the labels. Logits at full size exist for a strip of rows at a time.
The sums are made in one pass; their gradient, which is known when the losses' is, in another. A single loss that is a sum
over pixels has its gradient computed in the first pass, and kept at the logits' size.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmseg_vitseg.labels import usable_labels
from mmseg_vitseg.machine import without_autocast
from mmseg_vitseg.ops.defining import define
from mmseg_vitseg.ops.precision import at_least_float32, exact
from mmseg_vitseg.ops.resampling import Band, Resampling, Strips, resampling_of
from mmseg_vitseg.ops.strip_sums import add_gradient, losses_of, sums_of
from mmseg_vitseg.ops.strip_terms import ACCURACY, PER_PIXEL, Strip, Term, packed, unpacked


def upsample_sums(
    logits: Tensor,
    labels: Tensor,
    terms: Sequence[Term],
    resampling: Resampling,
    ignored: Sequence[int],
    sampled: Tensor | None = None,
) -> tuple[list[Tensor], Tensor]:
    """Return the sums of each term, differentiable once: see :class:`~mmseg_vitseg.ops.strip_terms.Term`.

    Args:
        logits: (B, K, h, w); computed in float32 at least, whatever autocast says.
        labels: (B, H, W), integers.
        terms: what is summed up.
        resampling: of the logits to (H, W).
        ignored: labels that are allowed besides those of classes.
        sampled: (B, H, W), how much each pixel counts, or None.

    Returns:
        of each term float64 of :meth:`~mmseg_vitseg.ops.strip_terms.Term.shape`; whether there are labels that are not
        allowed, a boolean scalar.

    Raises:
        ValueError: such labels, but on CUDA, where nothing waits for them.
    """
    with_gradient = logits.requires_grad and torch.is_grad_enabled()
    steps = resampling.down.steps, resampling.across.steps
    flat, _, wrong = torch.ops.mmseg_vitseg.upsample_sums(
        logits, labels, sampled, *packed(terms), *steps, ignored, with_gradient
    )
    shapes = [term.shape(*logits.shape[:2]) for term in terms]
    parts = flat.split([_size(one) for one in shapes])
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)], wrong


@torch.no_grad()
def upsample_losses(logits: Tensor, labels: Tensor, terms: Sequence[Term], resampling: Resampling) -> Tensor:
    """Return what each pixel loses by all of some terms that are PER_PIXEL, (B, H, W), float32 (float64 of float64)."""
    return torch.ops.mmseg_vitseg.upsample_losses(
        logits, labels, *packed(terms), resampling.down.steps, resampling.across.steps
    )


TERMS = 'int[] kinds, int[] integers, float[] numbers, SymInt[] down, SymInt[] across'
OPERATOR = 'mmseg_vitseg::upsample_sums'
define(
    OPERATOR,
    f'(Tensor logits, Tensor labels, Tensor? sampled, {TERMS}, int[] ignored, bool with_gradient) '
    '-> (Tensor, Tensor, Tensor)',
)
BACKWARD = 'mmseg_vitseg::upsample_sums_backward'
define(BACKWARD, f'(Tensor grad, Tensor logits, Tensor labels, Tensor? sampled, {TERMS}) -> Tensor')
OF_PIXELS = 'mmseg_vitseg::upsample_losses'
define(OF_PIXELS, f'(Tensor logits, Tensor labels, {TERMS}) -> Tensor')


@torch.library.impl(OPERATOR, 'default')
@torch.no_grad()
def _sums(
    logits, labels, sampled, kinds, integers, numbers, down, across, ignored, with_gradient
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sums, flat; the gradient (B, K, h, w) of :func:`_single`'s first, or (0,); whether labels are wrong."""
    terms = unpacked(kinds, integers, numbers)
    single = _single(kinds) if with_gradient else None
    batch, classes = logits.shape[:2]
    labels, wrong = usable_labels(labels, max(classes, 2), None, ignored)  # one logit tells two classes apart
    totals = [logits.new_zeros(term.shape(batch, classes), dtype=exact(logits.device)) for term in terms]
    with without_autocast(logits.device):
        x = _rows_together(logits)
        gradient = None if single is None else torch.zeros_like(x)
        strips = Strips(resampling_of(labels.shape[-2:], down, across), classes, x, batch)
        for images, band, strip in _strips(strips, x, labels, sampled):
            for term, total in zip(terms, totals, strict=True):
                total[:, images].add_(sums_of(strip, term))
            if single is not None and gradient is not None:
                ones = x.new_ones(totals[single][:, images].shape)
                strips.backward(add_gradient(strip, terms[single], ones, None), gradient[images], band)
    flat = torch.cat([total.flatten() for total in totals])
    gradient = x.new_empty(0) if gradient is None else gradient.transpose(1, 2).contiguous()
    return flat, gradient, labels.new_zeros((), dtype=torch.bool) if wrong is None else wrong


@torch.library.register_fake(OPERATOR)
def _(logits, labels, sampled, kinds, integers, numbers, down, across, ignored, with_gradient):
    size = sum(_size(Term(kind).shape(*logits.shape[:2])) for kind in kinds)
    shape = logits.shape if with_gradient and _single(kinds) is not None else (0,)
    gradient = torch.empty(shape, dtype=at_least_float32(logits), device=logits.device)
    sums = logits.new_empty(size, dtype=exact(logits.device))
    return sums, gradient, labels.new_empty((), dtype=torch.bool)


@torch.library.impl(BACKWARD, 'default')
@torch.no_grad()
def _backward(grad, logits, labels, sampled, kinds, integers, numbers, down, across) -> Tensor:
    """Return the gradient of logits (B, K, h, w), from that of the sums, flat."""
    batch, classes = logits.shape[:2]
    with without_autocast(logits.device):
        x = _rows_together(logits)
        gradient = torch.zeros_like(x)
        of_terms, start = [], 0
        for term in unpacked(kinds, integers, numbers):
            shape = term.shape(batch, classes)
            if term.kind != ACCURACY:
                of_terms.append((term, grad[start : start + _size(shape)].to(x.dtype).view(shape)))
            start += _size(shape)
        strips = Strips(resampling_of(labels.shape[-2:], down, across), classes, x, batch)
        for images, band, strip in _strips(strips, x, labels, sampled):
            total = None
            for term, of_term in of_terms:
                total = add_gradient(strip, term, of_term[:, images], total)
            strips.backward(total, gradient[images], band)
    return gradient.transpose(1, 2).to(logits.dtype).contiguous()


@torch.library.register_fake(BACKWARD)
def _(grad, logits, *_):
    return torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)


@torch.library.impl(OF_PIXELS, 'default')
@torch.no_grad()
def _losses(logits, labels, kinds, integers, numbers, down, across) -> Tensor:
    """Return the losses of pixels, (B, H, W)."""
    terms = unpacked(kinds, integers, numbers)
    with without_autocast(logits.device):
        x = _rows_together(logits)
        losses = x.new_empty(labels.shape)
        strips = Strips(resampling_of(labels.shape[-2:], down, across), logits.shape[1], x, len(x))
        for images, band, strip in _strips(strips, x, labels, None):
            lost = sum(losses_of(strip, term) for term in terms)
            losses[images, band.start : band.stop] = lost.squeeze(-2)
    return losses


@torch.library.register_fake(OF_PIXELS)
def _(logits, labels, *_):
    return torch.empty(labels.shape, dtype=at_least_float32(logits), device=logits.device)


def _keep(ctx, inputs: tuple, output: tuple[Tensor, ...]) -> None:
    logits, labels, sampled, *ctx.others, _, _ = inputs
    ctx.mark_non_differentiable(*output[1:])
    ctx.set_materialize_grads(False)
    ctx.single = _single(ctx.others[0])
    ctx.shape, ctx.dtype = logits.shape, logits.dtype
    ctx.save_for_backward(*((logits, labels, sampled) if ctx.single is None else (output[1],)))


@once_differentiable
def _gradient(ctx, grad: Tensor | None, *_) -> tuple[Tensor | None, ...]:
    if grad is None:
        return (None,) * 10
    if ctx.single is None:
        return torch.ops.mmseg_vitseg.upsample_sums_backward(grad, *ctx.saved_tensors, *ctx.others), *[None] * 9
    (gradient,) = ctx.saved_tensors
    start = sum(_size(Term(kind).shape(*ctx.shape[:2])) for kind in ctx.others[0][: ctx.single])
    of_image = grad[start : start + len(gradient), None, None, None].to(gradient.dtype)
    return (gradient * of_image).to(ctx.dtype), *[None] * 9


torch.library.register_autograd(OPERATOR, _gradient, setup_context=_keep)


def _single(kinds: Sequence[int]) -> int | None:
    """Return which term alone has a gradient, if it is a sum over pixels."""
    learned = [index for index, kind in enumerate(kinds) if kind != ACCURACY]
    return learned[0] if len(learned) == 1 and kinds[learned[0]] in PER_PIXEL else None


def _rows_together(logits: Tensor) -> Tensor:
    return logits.to(at_least_float32(logits)).transpose(1, 2).contiguous()  # (B, h, K, w): rows of a strip together


def _strips(
    strips: Strips, x: Tensor, labels: Tensor, sampled: Tensor | None
) -> Iterator[tuple[int | slice, Band, Strip]]:
    for images, band in strips.of_batch():
        pixels = images, slice(band.start, band.stop), None
        yield (
            images,
            band,
            Strip(strips.forward(x[images], band), labels[pixels], None if sampled is None else sampled[pixels]),
        )


def _size(shape: Sequence[int]) -> int:
    size = 1
    for one in shape:
        size = size * one
    return size
