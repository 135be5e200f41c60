"""Sums over the pixels of a strip of logits, and their gradient by these.

B batch, K logits a pixel, r rows of a strip, W its width; ``...`` is B images or one. z logits, p probabilities, y as in
:class:`~mmseg_vitseg.ops.strip_terms.Term`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmseg_vitseg.ops.on_device import on_device
from mmseg_vitseg.ops.strip_terms import (
    ACCURACY,
    CROSS_ENTROPY,
    FOCAL,
    PER_PIXEL,
    SIGMOID,
    SOFTMAX,
    Pixels,
    Strip,
    Term,
)


def sums_of(strip: Strip, term: Term) -> Tensor:
    """Return the sums of a strip, as :meth:`Term.shape` says but for the images: (n, ...) or (n, ..., K)."""
    pixels = strip.pixels(term)
    if term.kind == ACCURACY:
        return torch.stack([_sum(_is_right(strip, term, pixels)), _sum(pixels.counts)])
    if term.kind in PER_PIXEL:
        weights = class_weights(strip, term, pixels) if term.kind == CROSS_ENTROPY else pixels.counts
        return torch.stack([_sum(losses_of(strip, term) * pixels.weight), _sum(weights)])
    p = strip.probabilities(term.kind)
    hit = pixels.weight * pixels.has_class
    weight = pixels.weight.transpose(-1, -2)  # (..., r, W, 1)
    of_class = _by_class(torch.stack([p.gather(-2, pixels.target) * hit, hit]), pixels.target, strip.classes)
    over_pixels = [(one @ weight).sum(-3).squeeze(-1) for one in (p, p.square())]
    return torch.stack([of_class[0], *over_pixels, of_class[1]])


def add_gradient(strip: Strip, term: Term, grad: Tensor, total: Tensor | None) -> Tensor:
    """Return ``total`` and the gradient by the logits, (..., r, K, W), of sums whose gradient is as :func:`sums_of`'s."""
    pixels = strip.pixels(term)
    if term.kind == CROSS_ENTROPY:
        weight = class_weights(strip, term, pixels) * pixels.weight * _of_image(grad[0])
        found = (strip.softmax * weight).scatter_add_(-2, pixels.target, -weight)
    elif term.kind == FOCAL:
        found = _focal_gradient(strip, term, pixels, pixels.weight * _of_image(grad[0]))
    else:
        found = _region_gradient(strip, term, pixels, grad)
    return found if total is None else total.add_(found)


def losses_of(strip: Strip, term: Term) -> Tensor:
    """Return what each pixel loses by a term that is PER_PIXEL, whether it counts or not: (..., r, 1, W)."""
    pixels = strip.pixels(term)
    if term.kind == CROSS_ENTROPY:
        return -strip.log_softmax.gather(-2, pixels.target) * class_weights(strip, term, pixels)
    gamma, negative, positive = _focal_numbers(strip, term)
    losses = strip.softplus * strip.wrong.pow(gamma) if gamma else strip.softplus
    own = losses.gather(-2, pixels.target) * (positive - negative)[pixels.target] * pixels.has_class
    return negative[None] @ losses + own


def class_weights(strip: Strip, term: Term, pixels: Pixels) -> Tensor:
    """Return what the class of each pixel weighs, (..., r, 1, W), 0 of pixels that do not count."""
    counts = pixels.counts.to(strip.logits.dtype)
    return _on(strip, term.numbers)[pixels.target] * counts if term.numbers else counts


def _is_right(strip: Strip, term: Term, pixels: Pixels) -> Tensor:
    """Tell where the largest logit is the label's: nowhere if that is no class, which a loss may ignore by itself."""
    if strip.classes > 1:
        best = strip.logits.gather(-2, pixels.target) == strip.logits.amax(-2, keepdim=True)
        return best & pixels.has_class & pixels.counts
    is_background = strip.labels == 0
    if not term.numbers:
        return is_background & pixels.counts
    return torch.where(strip.sigmoid > term.numbers[0], pixels.has_class, is_background) & pixels.counts


def _focal_gradient(strip: Strip, term: Term, pixels: Pixels, weight: Tensor) -> Tensor:
    """d/dy of q^gamma softplus(y) with q = sigmoid(y) is q^gamma (gamma (1 - q) softplus(y) + q)."""
    gamma, negative, positive = _focal_numbers(strip, term)
    q = strip.wrong
    found = q if not gamma else (strip.softplus * gamma).mul_(1 - q).add_(q).mul_(q.pow(gamma))
    own = found.gather(-2, pixels.target)
    factor = torch.where(pixels.has_class, -positive[pixels.target], negative[pixels.target])
    return (found * negative[:, None] * weight).scatter_(-2, pixels.target, own * factor * weight)


def _region_gradient(strip: Strip, term: Term, pixels: Pixels, grad: Tensor) -> Tensor:
    """With d the gradient by p: softmax p (d - sum of p d), sigmoid p (1 - p) d."""
    p = strip.probabilities(term.kind)
    inside, everywhere, squares, _ = (one[..., None, :, None] for one in grad)  # (..., 1, K, 1)
    found = (p * (2 * squares)).add_(everywhere).mul_(pixels.weight)
    own = inside.expand_as(p).gather(-2, pixels.target) * pixels.weight * pixels.has_class
    found.scatter_add_(-2, pixels.target, own)
    if term.kind == SOFTMAX:
        found *= p
        return found.sub_(p * found.sum(-2, keepdim=True))
    return found.mul_(p).mul_(1 - p) if term.kind == SIGMOID else found


def _focal_numbers(strip: Strip, term: Term) -> tuple[float, Tensor, Tensor]:
    gamma, *others = term.numbers
    negative, positive = _on(strip, others).chunk(2)
    return gamma, negative, positive


def _on(strip: Strip, numbers: Sequence[float]) -> Tensor:
    return on_device(tuple(numbers), strip.logits.dtype, strip.logits.device)


def _sum(x: Tensor) -> Tensor:
    """Sum up (..., r, 1, W) over the pixels."""
    return x.sum((-3, -2, -1))


def _of_image(x: Tensor) -> Tensor:
    return x[..., None, None, None]


def _by_class(values: Tensor, target: Tensor, classes: int) -> Tensor:
    """Sum up values (n, ..., r, 1, W) over the pixels of each class: (n, ..., K)."""
    values = values.squeeze(-2)
    target = target.squeeze(-2).expand_as(values)  # (n, ..., r, W)
    columns = values.new_zeros(*values.shape[:-2], classes, values.shape[-1])
    return columns.scatter_add_(-2, target, values).sum(-1)
