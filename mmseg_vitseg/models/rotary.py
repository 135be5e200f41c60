"""Positions that turn queries and keys, in the place of learned ones. h w patch grid, d width of a head."""

import math

import torch
from torch import Tensor, nn

from mmseg_vitseg.ops.rotary import rotary_periods, rotary_table

KEPT = 8  # tables, of as many sizes


class RotaryPositions(nn.Module):
    """Axial rotary position embeddings (DINOv3, arXiv 2508.10104): a table of cosines and sines for the size of a grid.

    There is nothing to learn. The periods are a buffer, since DINOv3's authors have them rounded; they stay float32 in a
    model of half precision. In evaluation mode, a size's table is computed once.

    Args:
        head_dims: d, a multiple of 4.
        base: the longest period, in half widths of the image.
        rescale: in training, each forward pass multiplies coordinates by a factor that is drawn log-uniformly from
            1 / rescale to rescale; 1 for none.
    """

    periods: Tensor

    def __init__(self, *, head_dims: int, base: float, rescale: float):
        super().__init__()
        self.register_buffer('periods', rotary_periods(base, head_dims))
        self.base = base
        self.rescale = rescale
        self._tables: dict[tuple, Tensor] = {}

    def forward(self, grid: tuple[int, int]) -> Tensor:
        """Return the table of a grid (h, w): (2, h w, d / 2), float32."""
        if self.training and self.rescale != 1:
            return rotary_table(grid, self.periods, self._draw_scale())
        if torch.compiler.is_compiling() or torch.jit.is_tracing():  # the table is the graph's
            return rotary_table(grid, self.periods)
        key = *grid, self.periods.device, self.periods._version
        if key not in self._tables:
            if len(self._tables) == KEPT:
                del self._tables[next(iter(self._tables))]
            with torch.inference_mode(False):  # else no later training could use it
                self._tables[key] = rotary_table(grid, self.periods)
        return self._tables[key]

    def _draw_scale(self) -> Tensor:
        """Draw a factor on the periods' device, which nothing waits for: (1,), float32."""
        bound = math.log(self.rescale)
        return torch.empty(1, device=self.periods.device).uniform_(-bound, bound).exp()

    def _apply(self, fn, recurse: bool = True) -> 'RotaryPositions':
        """Move the periods, but leave them float32."""
        periods = self.periods
        super()._apply(fn, recurse)
        self.periods = periods.to(self.periods.device)
        self._tables.clear()
        return self

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        """Load the periods of a file that has them."""
        state_dict.setdefault(f'{prefix}periods', self.periods)
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._tables.clear()

    def __getstate__(self) -> dict:
        """Leave tables out of copies."""
        return {**self.__dict__, '_tables': {}}
