"""What our steps are made of, in turn with what the host does there: here loss and labels, ``layers`` has the rest."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from mmseg.models.losses import CrossEntropyLoss, accuracy
from torch import Tensor

from gpu.layers import attention, convolutions, depthwise, mix_ffn
from gpu.session import Session, autocast
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.ops.fused.setting import VARIABLE, is_fused
from mmseg_vitseg.ops.reorder import resize
from mmseg_vitseg.ops.resampling import unchanged
from mmseg_vitseg.ops.upsample_argmax import argmax_of
from mmseg_vitseg.ops.upsample_loss import upsample_cross_entropy

# B, K, size of the logits, size of the labels
LOSSES = {
    'SegFormer, 8 crops': (8, 150, (128, 128), (512, 512)),
    'SETR-PUP, 2 crops': (2, 150, (256, 256), (512, 512)),
    'SegFormer, 8 streets': (8, 19, (128, 256), (512, 1024)),
    'SegFormer, 1 crop': (1, 150, (128, 128), (512, 512)),
}
# K, size of the logits, of the network's input, of the picture
LABELS = {
    'photo': (150, (128, 128), (512, 512), (683, 512)),
    'street': (19, (256, 512), (1024, 2048), (1024, 2048)),
    'street, 150 classes': (150, (256, 512), (1024, 2048), (1024, 2048)),
}


def run(session: Session) -> None:
    """Measure them."""
    for part in (losses, labels, best_of_classes, convolutions, depthwise, mix_ffn, attention):
        session.attempt(part.__name__, partial(part, session))


@contextmanager
def kernels(use: bool) -> Iterator[None]:
    """Use our kernels, or strips."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = '1' if use else '0'
    try:
        yield
    finally:
        os.environ.pop(VARIABLE) if before is None else os.environ.update({VARIABLE: before})


def ways(compute: Callable[[], object], like: Tensor) -> dict[str, Callable[[], object]]:
    """Return the ways in which we compute something, the one that is used here first."""

    def way(use: bool) -> None:
        with kernels(use):
            compute()

    with kernels(True):
        names = {'kernel': True, 'strips': False} if is_fused(like) else {'strips': False}
    return {name: partial(way, use) for name, use in names.items()}


def losses(session: Session) -> None:
    """The cross-entropy of upsampled logits, and its gradient."""
    cases = {'tiny': (2, 7, (8, 8), (32, 32))} if session.quick else LOSSES
    for case, sizes in cases.items():
        for kind in ('float32', 'bfloat16'):
            loss(session, case, sizes, kind, weighted=False)
    case = 'tiny' if session.quick else 'SegFormer, 8 streets'
    loss(session, f'{case}, class weights', cases[case], 'float32', weighted=True)


def loss(session: Session, case: str, sizes: tuple, kind: str, weighted: bool) -> None:
    """One case of it."""
    batch, classes, size, target = sizes
    logits = torch.randn(batch, classes, *size, device=session.device)
    logits = logits.to(torch.bfloat16 if kind == 'bfloat16' else torch.float32).requires_grad_()
    truth = torch.randint(0, classes, (batch, *target), device=session.device)
    truth[:, : target[0] // 8] = IGNORED
    weights = [0.5 + k / classes for k in range(classes)] if weighted else None
    criterion = CrossEntropyLoss(class_weight=weights)

    def host(scores: bool) -> Tensor:
        z = resize(logits, target, False)
        if scores:
            accuracy(z, truth, ignore_index=IGNORED)
        return criterion(z, truth, ignore_index=IGNORED)

    def step(compute: Callable[[], Tensor]) -> None:
        logits.grad = None
        with autocast(kind, session.device):
            total = compute()
        total.backward()

    runs = ways(partial(step, lambda: upsample_cross_entropy(logits, truth, class_weight=weights).loss), logits)
    runs |= {'host': partial(step, partial(host, True)), 'host without accuracy': partial(step, partial(host, False))}
    session.in_turn('loss', runs, case=case, dtype=kind)


def labels(session: Session) -> None:
    """The classes of a picture's pixels from its logits."""
    cases = {'tiny': (7, (8, 8), (32, 32), (30, 40))} if session.quick else LABELS
    for case, (classes, size, middle, target) in cases.items():
        logits = torch.randn(1, classes, *size, device=session.device)
        resampling = unchanged(size).resized(middle, False).resized(target, False)
        for kind in ('float32', 'bfloat16'):
            z = logits.bfloat16() if kind == 'bfloat16' else logits
            runs = ways(partial(argmax_of, z[0], resampling), z)
            runs['host'] = partial(host_labels, z, middle, target)
            session.in_turn('labels', runs, case=case, dtype=kind)


@torch.no_grad()
def host_labels(logits: Tensor, *sizes: tuple[int, int]) -> Tensor:
    """Resize the logits, once or twice as the host does, and take the best."""
    for size in sizes:
        logits = resize(logits, size, False)
    return logits[0].argmax(0, keepdim=True)


def best_of_classes(session: Session) -> None:
    """Of full-size logits: topk, by which the host counts what is right, and the maximum, which says the same."""
    shape = (2, 7, 32, 32) if session.quick else (8, 150, 512, 512)
    z = torch.randn(shape, device=session.device)
    runs = {'max': partial(torch.max, z, dim=1), 'topk': partial(torch.topk, z, 1, dim=1)}
    session.in_turn('best of classes', runs, shape='x'.join(map(str, shape)))
