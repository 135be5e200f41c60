"""Counting floating-point operations without computing anything."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmseg_vitseg.benchmark.segmentors import Segmentor
from mmseg_vitseg.machine import meta_as


def count_gflops(segmentor: Segmentor, shape: tuple[int, int], device: str = 'cpu') -> float:
    """Count a forward pass of one image, from pixels to the head's logits, on the meta device.

    Matrix products, convolutions and attention are counted, a multiplication and its addition as two operations (papers
    often call the pair one); resizings, norms and activations are not. A model that computes the same with fewer
    operations has fewer.

    Args:
        segmentor: in evaluation mode for the time of the call.
        shape: (H, W).
        device: for which the order of work is chosen.

    Returns:
        billions of operations.
    """
    model = segmentor.model
    training = model.training
    image = torch.empty(1, segmentor.channels, *shape, device='meta')
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad(), meta_as(torch.device(device)):
            _on_meta(model.eval(), segmentor, image)
    finally:
        model.train(training)
    return counter.get_total_flops() / 1e9


def _on_meta(model: nn.Module, segmentor: Segmentor, image: torch.Tensor) -> None:
    """Run the model on stand-ins for its tensors: its own stay where they are."""
    named = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    stand_ins = {f'model.{name}': torch.empty_like(value, device='meta') for name, value in named}
    torch.func.functional_call(_Forward(segmentor), stand_ins, (image,))


class _Forward(nn.Module):
    """A segmentor's forward pass as a module, which is what torch can call with other tensors."""

    def __init__(self, segmentor: Segmentor):
        super().__init__()
        self.model = segmentor.model
        self.run = segmentor.forward

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.run(image)
