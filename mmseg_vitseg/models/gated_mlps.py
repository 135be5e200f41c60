"""Gated MLPs (SwiGLU, arXiv 2002.05202, equation 6), with the parameter names of timm's. B batch, N tokens, D width."""

import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_vitseg.models.layers import Linear


class SwiGLU(nn.Module):
    """A matrix for the gate and one for what it lets through: W3 (silu(W1 x) * W2 x), as DINOv3's."""

    def __init__(self, *, embed_dims: int, hidden_dims: int, drop_rates: tuple[float, float]):
        super().__init__()
        self.fc1_g = Linear(embed_dims, hidden_dims)
        self.fc1_x = Linear(embed_dims, hidden_dims)
        self.drop1 = nn.Dropout(drop_rates[0])
        self.fc2 = Linear(hidden_dims, embed_dims)
        self.drop2 = nn.Dropout(drop_rates[1])

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D)."""
        x = self.drop1(F.silu(self.fc1_g(x)) * self.fc1_x(x))
        return self.drop2(self.fc2(x))


class PackedSwiGLU(nn.Module):
    """The same of which both matrices are one, the gate's rows first, as DINOv2's."""

    def __init__(self, *, embed_dims: int, hidden_dims: int, drop_rates: tuple[float, float]):
        super().__init__()
        self.fc1 = Linear(embed_dims, 2 * hidden_dims)
        self.drop1 = nn.Dropout(drop_rates[0])
        self.fc2 = Linear(hidden_dims, embed_dims)
        self.drop2 = nn.Dropout(drop_rates[1])

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D)."""
        gate, x = self.fc1(x).chunk(2, dim=-1)
        x = self.drop1(F.silu(gate) * x)
        return self.drop2(self.fc2(x))
