"""What losses sum up over a strip's pixels, and the gradient of these sums by the strip's logits.

B batch, K logits a pixel, r rows of a strip, W its width; ``...`` is B images or one. z logits, p probabilities.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_vitseg.ops.on_device import on_device

ACCURACY, CROSS_ENTROPY, FOCAL, SOFTMAX, SIGMOID, PLAIN = range(6)
REGIONS = (SOFTMAX, SIGMOID, PLAIN)
PER_PIXEL = (CROSS_ENTROPY, FOCAL)  # sums of what each pixel loses


class Term(NamedTuple):
    """One loss's sums, or the accuracy's.

    Of K logits a label is the logit's index; of one logit, label 1 is the class that it stands for. A label that is
    no logit's is one of pixels of no class.

    Args:
        kind: what is summed up, of each image:
            ACCURACY: pixels that are right, and pixels that count;
            CROSS_ENTROPY: the losses -w_t log softmax(z)_t of label t, and the weights w_t;
            FOCAL: the losses, sums over k of b_k sigmoid(y_k)^gamma softplus(y_k), with y_k = -z_k and b_k = a_k at the
            label, else y_k = z_k and b_k = n_k, and pixels that count (arXiv 1708.02002; with gamma = 0, binary
            cross-entropy);
            SOFTMAX, SIGMOID, PLAIN: of each k, p_k over pixels of class k, p_k, p_k^2, and pixels of class k, where p is
            softmax(z), sigmoid(z) or z.
        ignored: labels of pixels that do not count.
        lowest, highest: smaller labels are taken for this one, and larger ones.
        sampled: whether pixels count as a sampler weighs them.
        numbers: of CROSS_ENTROPY w, or none for ones; of FOCAL gamma, n, a; of ACCURACY of one logit the probability from
            which on it is label 1, or none where it is always label 0.
    """

    kind: int
    ignored: tuple[int, ...] = ()
    lowest: int = -1
    highest: int = 2**31 - 1
    sampled: bool = True
    numbers: tuple[float, ...] = ()

    def shape(self, batch: int, classes: int) -> tuple[int, ...]:
        """Return the shape of the sums."""
        return (4, batch, classes) if self.kind in REGIONS else (2, batch)


class Pixels(NamedTuple):
    """A strip's pixels as a term takes them, each (..., r, 1, W)."""

    target: Tensor  # the logit's index, int64; 0 of pixels of no class
    has_class: Tensor  # bool
    counts: Tensor  # bool
    weight: Tensor  # how much each counts, in the logits' dtype


class Strip:
    """A strip's logits, and what is made of them, once for all losses.

    Args:
        logits: (..., r, K, W).
        labels: (..., r, 1, W), integers.
        sampled: (..., r, 1, W), how much a sampler lets each pixel count, or None.
    """

    def __init__(self, logits: Tensor, labels: Tensor, sampled: Tensor | None):
        self.logits, self.labels, self.sampled = logits, labels, sampled
        self.classes = logits.shape[-2]
        self._pixels: dict[tuple, Pixels] = {}

    @cached_property
    def log_softmax(self) -> Tensor:
        """Logarithms of probabilities of one of K."""
        return self.logits.log_softmax(-2)

    @cached_property
    def softmax(self) -> Tensor:
        """Probabilities of one of K."""
        return self.log_softmax.exp() if 'log_softmax' in vars(self) else self.logits.softmax(-2)

    @cached_property
    def sigmoid(self) -> Tensor:
        """Probabilities of each by itself."""
        return self.logits.sigmoid()

    @cached_property
    def turned(self) -> Tensor:
        """Return y of FOCAL: z, and -z at the label."""
        pixels = self.pixels(Term(FOCAL))
        own = self.logits.gather(-2, pixels.target)
        return self.logits.scatter(-2, pixels.target, torch.where(pixels.has_class, -own, own))

    @cached_property
    def wrong(self) -> Tensor:
        """Return sigmoid(y) of FOCAL: how wrong each probability is."""
        return self.turned.sigmoid()

    @cached_property
    def softplus(self) -> Tensor:
        """Return softplus(y) of FOCAL."""
        return F.softplus(self.turned)

    def probabilities(self, kind: int) -> Tensor:
        """Return p."""
        return {SOFTMAX: lambda: self.softmax, SIGMOID: lambda: self.sigmoid, PLAIN: lambda: self.logits}[kind]()

    def pixels(self, term: Term) -> Pixels:
        """Return the pixels as a term takes them."""
        key = term.ignored, term.lowest, term.highest, term.sampled
        if key not in self._pixels:
            self._pixels[key] = self._pixels_of(term)
        return self._pixels[key]

    def _pixels_of(self, term: Term) -> Pixels:
        counts = torch.ones_like(self.labels, dtype=torch.bool)
        for label in term.ignored:
            counts &= self.labels != label
        target = self.labels.clamp(term.lowest, term.highest) - (1 if self.classes == 1 else 0)
        has_class = (target >= 0) & (target < self.classes)
        weight = counts.to(self.logits.dtype)
        if term.sampled and self.sampled is not None:
            weight = weight * self.sampled
        return Pixels(target.where(has_class, 0), has_class, counts, weight)


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
    if strip.classes > 1:
        right = strip.logits.gather(-2, pixels.target) == strip.logits.amax(-2, keepdim=True)
    elif term.numbers:
        right = (strip.sigmoid > term.numbers[0]) == pixels.has_class
    else:
        right = ~pixels.has_class
    return right & pixels.counts


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
