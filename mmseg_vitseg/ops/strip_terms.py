"""What losses sum up over the pixels of a strip of logits, and what they share.

B batch, K logits a pixel, r rows of a strip, W its width; ``...`` is B images or one. z logits, p probabilities.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

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


def packed(terms: Sequence[Term]) -> tuple[list[int], list[int], list[float]]:
    """Return terms as an operator takes them: kinds; of each its integers, and before them how many; its numbers."""
    integers: list[int] = []
    numbers: list[float] = []
    for term in terms:
        integers += [len(term.ignored), *term.ignored, term.lowest, term.highest, int(term.sampled), len(term.numbers)]
        numbers += term.numbers
    return [term.kind for term in terms], integers, numbers


def unpacked(kinds: Sequence[int], integers: Sequence[int], numbers: Sequence[float]) -> list[Term]:
    """Return the terms that were packed."""
    whole, broken, terms = iter(integers), iter(numbers), []
    for kind in kinds:
        ignored = tuple(next(whole) for _ in range(next(whole)))
        lowest, highest, sampled = (next(whole) for _ in range(3))
        own = tuple(next(broken) for _ in range(next(whole)))
        terms.append(Term(kind, ignored, lowest, highest, bool(sampled), own))
    return terms


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
        return self.softmax if kind == SOFTMAX else self.sigmoid if kind == SIGMOID else self.logits

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
