"""Features as colours. N tokens, D width."""

import torch
from torch import Tensor


def colours_of(features: Tensor) -> Tensor:
    """Return the first three principal components of (N, D), each stretched to 0 to 1, its outer hundredths cut off."""
    components = principal_components(features.float())
    low, high = components.quantile(torch.tensor([0.01, 0.99], device=components.device), dim=0)
    return ((components - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)


def principal_components(features: Tensor, count: int = 3) -> Tensor:
    """Return the first principal components of features (N, D): (N, count), of mean 0, the largest variance first.

    A component's sign is arbitrary; here its largest coefficient is positive.
    """
    centred = (features - features.mean(0)).double()
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :count]  # (D, count)
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    return (centred @ (axes * largest.sign())).to(features.dtype)
