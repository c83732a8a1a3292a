"""What training minimises."""

from __future__ import annotations

import torch
from torch import Tensor

from ..models.head import expected_cells

#: Spread of the heat-map's target, in cells: as narrow as the grid can hold without aliasing.
TARGET_SIGMA_CELLS = 1.0


def coordinate_loss(probabilities: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """Mean L1 distance of the soft-argmax to the targets over what is known, in grid shares.

    Args:
        probabilities: (N, J, D, H, W).
        targets: (N, J, 3) x, y, z as shares of the grid.
        known: (N, J, 3) 0 or 1.
    """
    depth, height, width = probabilities.shape[2:]
    grid = torch.tensor([width, height, depth], device=targets.device)
    error = (expected_cells(probabilities) / grid - targets).abs() * known
    return error.sum() / known.sum().clamp(min=1)


def heatmap_loss(probabilities: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """Mean cross-entropy between the image-plane heat-map and what it should be.

    Which is a Gaussian at the target of a known joint, and an even spread for a joint that is
    known to lie outside the crop: it has no place there, and its score should say so.

    The expectation alone leaves the heat-map's shape open: many shapes have the same mean. Asking
    for a peak at the joint speeds learning up, and gives the score its meaning (the idea of the
    regularised DSNT, Nibali et al. 2018, with cross-entropy for the divergence).

    Args:
        probabilities: (N, J, D, H, W).
        targets: (N, J, 3) as shares of the grid; x and y of a joint outside are not in [0, 1).
        known: (N, J, 3) 0 or 1; 0 for a joint outside.
    """
    plane = probabilities.sum(dim=2)
    height, width = plane.shape[-2:]
    columns = torch.arange(width, device=plane.device) - targets[..., 0:1] * width
    rows = torch.arange(height, device=plane.device) - targets[..., 1:2] * height
    distance_squared = rows[..., :, None] ** 2 + columns[..., None, :] ** 2
    target = torch.exp(-distance_squared / (2 * TARGET_SIGMA_CELLS**2))
    target = target / target.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    is_outside = ((targets[..., :2] < 0) | (targets[..., :2] >= 1)).any(dim=-1)
    target = torch.where(is_outside[..., None, None], 1 / (height * width), target)
    cross_entropy = -(target * plane.clamp(min=1e-9).log()).sum(dim=(2, 3))
    counts = torch.where(is_outside, 1, known[..., 0])
    return (cross_entropy * counts).sum() / counts.sum().clamp(min=1)
