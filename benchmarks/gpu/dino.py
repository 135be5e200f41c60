"""DINOv3's ViT-S/16 and ViT-L/16 with random weights: ours and Hugging Face's in turn; probes on a frozen backbone.

B batch, D width, h w patch grid.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from gpu.cases import CONFIGS, place
from gpu.layers import gradients
from gpu.session import Session, autocast, precision
from gpu.tests import TOLERANCE
from mmseg_vitseg.architectures import VITS
from mmseg_vitseg.benchmark.steps import Step
from mmseg_vitseg.benchmark.variants import Settings, Variant
from mmseg_vitseg.models import VisionTransformer

KINDS = ('default', 'bfloat16')  # of PRECISIONS
BATCHES = {'dinov3_s': {'forward': 8, 'training': 8}, 'dinov3_l': {'forward': 1, 'training': 2}}
PROBED = 4  # pictures of a probe's step; batch norm needs two
SECONDS = 0.6  # of rounds, a row


def run(session: Session) -> None:
    """Compare and measure the backbones; then probes, whose backbone runs without a graph or in evaluation mode only."""
    for variant in list(BATCHES)[: 1 if session.quick else None]:
        if find_spec('transformers'):
            session.attempt('against Hugging Face', partial(against_hugging_face, session, variant), case=variant)
        else:
            session.row('against Hugging Face', variant='hf', case=variant, error='transformers is not installed')
    for variant in list(BATCHES)[: 1 if session.quick else None]:
        session.attempt('probe', partial(probe, session, variant), case=variant)


def sizes(session: Session, variant: str) -> tuple[int, int]:
    """Return blocks and a side of the images."""
    return (2, 64) if session.quick else (VITS[variant].num_layers, 512)


def pair(session: Session, variant: str) -> tuple[nn.Module, VisionTransformer]:
    """Return theirs and ours, with the same weights, on the device; each with its last level normed."""
    from transformers import DINOv3ViTBackbone, DINOv3ViTConfig

    row, (blocks, side) = VITS[variant], sizes(session, variant)
    config = DINOv3ViTConfig(
        hidden_size=row.embed_dims,
        intermediate_size=4 * row.embed_dims,
        num_hidden_layers=blocks,
        num_attention_heads=row.num_heads,
        num_register_tokens=4,
        patch_size=row.patch_size,
        image_size=side,
        out_indices=[blocks],
    )
    with torch.device(session.device):
        theirs, ours = DINOv3ViTBackbone(config), VisionTransformer(variant=variant, num_layers=blocks)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours.to(session.device)


def against_hugging_face(session: Session, variant: str) -> None:
    """Compare the last level and the gradient of the images in float32, then measure both modes."""
    theirs, ours = pair(session, variant)
    side = sizes(session, variant)[1]
    maps: dict[str, Callable[[Tensor], Tensor]] = {
        'ours': lambda x: ours(x)[0],
        'hf': lambda x: theirs(x).feature_maps[0],
    }
    for model in (ours, theirs):
        model.eval()
    apart = difference(session, maps, side)
    error = f'apart by more than {TOLERANCE}' if apart > TOLERANCE else ''
    session.row('equality', case=variant, mode='level and gradient', max_abs_diff=apart, error=error)
    for mode, batch in BATCHES[variant].items():
        for model in (ours, theirs):
            model.train(mode == 'training')  # coordinates are rescaled at random in training, by ours and by theirs
        images = torch.randn(1 if session.quick else batch, 3, side, side, device=session.device)
        for kind in KINDS:
            runs = {name: partial(step, session, mode, kind, partial(call, images)) for name, call in maps.items()}
            for model in (ours, theirs):
                model.zero_grad(set_to_none=True)
            values: dict[str, Any] = dict(case=variant, batch_size=len(images), shape=f'{side}x{side}', dtype=kind)
            session.in_turn(mode, runs, seconds=SECONDS, **values)


def difference(session: Session, maps: dict[str, Callable[[Tensor], Tensor]], side: int) -> float:
    """Return the largest difference of levels, and of the images' gradients over their largest."""
    images = torch.randn(1, 3, side, side, device=session.device, requires_grad=True)
    weights, found = None, []
    with precision('float32'):
        for call in maps.values():
            level = call(images)
            weights = torch.randn_like(level) if weights is None else weights
            (gradient,) = torch.autograd.grad(level, images, weights)
            found.append((level.detach(), gradient))
    (ours, our_gradient), (theirs, their_gradient) = found
    of_gradients = (our_gradient - their_gradient).abs().max() / their_gradient.abs().max()
    return max((ours - theirs).abs().max().item(), of_gradients.item())


def step(session: Session, mode: str, kind: str, compute: Callable[[], Tensor]) -> None:
    """Run forward alone, or forward and backward; gradients are added to those of the step before."""
    if mode == 'training':
        return gradients(session, kind, compute)
    with torch.inference_mode(), precision(kind), autocast(kind, session.device):
        compute()


def probe(session: Session, variant: str) -> None:
    """Measure training steps of a linear probe, frozen as a whole and by its stages."""
    blocks, side = sizes(session, variant)
    size = {'model.backbone.num_layers': blocks}
    frozen = {
        'frozen=True': size,
        f'frozen_stages={blocks}': size | {'model.backbone.frozen': False, 'model.backbone.frozen_stages': blocks},
    }
    config = str(CONFIGS / f'{variant}_linear_ade20k.py')
    built = {name: place(Variant(name, config, options=options), session.device) for name, options in frozen.items()}
    batch = 2 if session.quick else PROBED
    for kind in KINDS:
        dtype = 'bfloat16' if kind == 'bfloat16' else 'float32'
        settings = Settings(mode='train', shape=(side, side), batch_size=batch, dtype=dtype, device=session.device)
        steps = {name: Step(segmentor, settings) for name, segmentor in built.items()}
        values: dict[str, Any] = dict(case=variant, batch_size=batch, shape=f'{side}x{side}', dtype=kind)
        with precision(kind):
            session.in_turn('probe', steps, seconds=SECONDS, **values)
