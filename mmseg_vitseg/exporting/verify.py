"""Does a written file predict what the model predicts? Asked with random and with drawn pictures.

B batch, C channels, H W size of the pictures, K classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_vitseg.datasets.shapes import draw_shapes
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.exporting.graph import takes_eight_bits, takes_rgb

TOLERANCE = 1e-4  # of the largest logit, which sums of thousands of float32 terms leave to the order of summing


@dataclass(frozen=True)
class Agreement:
    """How far a file and the model are apart on one batch."""

    pictures: str  # random or drawn
    shape: tuple[int, ...]  # (B, C, H, W)
    difference: float  # of logits; of labels, by how much the model prefers its own to the file's
    largest: float  # logit of the model
    wrong: int  # labels that are not the model's

    @property
    def agrees(self) -> bool:
        """Whether that is rounding. What is no number never agrees."""
        return self.difference <= TOLERANCE * max(1.0, self.largest)

    def __str__(self) -> str:
        batch, _, height, width = self.shape
        return (
            f'{batch} x {height} x {width}, {self.pictures} pictures: largest difference {self.difference:.1e} in logits '
            f'up to {self.largest:.3g}; {self.wrong} of {batch * height * width} labels differ'
        )


def verify(
    model: nn.Module,
    run: Callable[[Tensor], Tensor],
    shapes: Sequence[tuple[int, int, int, int]],
    *,
    labels: bool,
    on_batch: Callable[[str], None] = lambda text: None,
) -> list[Agreement]:
    """Compare what a file returns with the model's own prediction.

    Args:
        model: of :func:`~mmseg_vitseg.inference.model.load_model`, one that predicts pictures whole.
        run: of :func:`~mmseg_vitseg.exporting.formats.load`.
        shapes: (B, C, H, W) of each batch.
        labels: the file returns labels.
        on_batch: told what comes next.
    """
    findings = []
    for shape in shapes:
        for pictures, draw in dict(random=random_pictures, drawn=drawn_pictures).items():
            on_batch(f'{shape[0]} x {shape[2]} x {shape[3]}, {pictures} pictures')
            images = in_values_of(model, draw(shape))
            logits, expected = predicted_by(model, images)
            returned = returned_by(run, images)
            findings.append(compare_batch(pictures, shape, returned, logits, expected, threshold(model), labels))
    return findings


def returned_by(run: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Run a file.

    Raises:
        ValueError: it cannot be run on these images.
    """
    try:
        with torch.no_grad():
            return run(images)
    except Exception as error:  # each runtime has its own
        raise ValueError(
            f'the file cannot be run on pictures {tuple(images.shape)} ({type(error).__name__}: {first_line(error)}); '
            'if it is written for any size, --fixed-size may work'
        ) from error


def compare_batch(
    pictures: str,
    shape: tuple[int, int, int, int],
    returned: Tensor,
    logits: Tensor,
    expected: Tensor,
    threshold: float,
    labels: bool,
) -> Agreement:
    """Compare one batch.

    Args:
        pictures: their kind.
        shape: theirs, (B, C, H, W).
        returned: by the file: logits as the model's, or labels.
        logits: the model's (B, K, H, W); of one class, its probability.
        expected: the model's labels (B, H, W).
        threshold: of the probability.
        labels: what the file returns.

    Raises:
        ValueError: the file returns another shape.
    """
    due = expected.shape if labels else logits.shape
    if returned.shape != due:
        raise ValueError(f'the file returns {tuple(returned.shape)} for pictures {shape}; {tuple(due)} is right')
    single = logits.shape[1] == 1
    found = returned if labels else (returned[:, 0] > threshold).long() if single else returned.argmax(1)
    wrong = found != expected
    if not labels:
        difference = (returned - logits).abs().max()
    elif single:
        difference = ((logits[:, 0] - threshold).abs() * wrong).max()
    else:
        own, files = (logits.gather(1, one[:, None]) for one in (expected, found))
        difference = (own - files).max()
    return Agreement(pictures, shape, difference.item(), logits.abs().max().item(), int(wrong.sum()))


@torch.no_grad()
def predicted_by(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits (B, K, H, W) and labels (B, H, W), int64, that the model predicts for images of a graph."""
    size = tuple(images.shape[-2:])
    samples = [SegDataSample(metainfo=dict(img_shape=size, ori_shape=size)) for _ in images]
    loaded = images.flip(1) if takes_rgb(model) else images  # BGR
    results = model.test_step(dict(inputs=list(loaded), data_samples=samples))
    logits = torch.stack([result.seg_logits.data for result in results])
    return logits, torch.cat([result.pred_sem_seg.data for result in results]).long()


def threshold(model: nn.Module) -> float:
    """Return the probability above which a pixel is of a single class."""
    return getattr(model.decode_head, 'threshold', None) or 0.0  # K-Net's head has none


def in_values_of(model: nn.Module, images: Tensor) -> Tensor:
    """Give pictures of 0 to 255 the values that a model knows: two standard deviations to each side of a band's mean.

    Where it knows 0 to 255, or normalises nothing before its backbone, they stay as they are.
    """
    if takes_eight_bits(model) or not model.data_preprocessor._enable_normalize:
        return images
    mean, std = (getattr(model.data_preprocessor, name).to(images.device) for name in ('mean', 'std'))
    return mean + (images - 127.5) / 64 * std


def random_pictures(shape: tuple[int, int, int, int]) -> Tensor:
    """Return noise (B, C, H, W), float32, whole numbers from 0 to 255; the same each time."""
    return torch.randint(256, shape, generator=torch.Generator().manual_seed(0)).float()


def drawn_pictures(shape: tuple[int, int, int, int]) -> Tensor:
    """Return pictures of ShapesDataset (B, C, H, W), float32, 0 to 255; their channels in turn where C is not 3."""
    batch, channels, height, width = shape
    pictures = [torch.from_numpy(draw_shapes(0, index, max(height, width))[0]) for index in range(batch)]
    pixels = torch.stack(pictures).permute(0, 3, 1, 2).flip(1)  # (B, 3, side, side), RGB
    return pixels[:, [channel % 3 for channel in range(channels)], :height, :width].float()
