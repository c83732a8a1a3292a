"""What training minimises.

Each loss comes as a sum and the count that it is to be divided by: where several processes share
a batch, the mean is over all of it, and a process knows only its part of the count.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import UserError
from ..models.head import Marginals, expected_cells

#: Spread of the heat-map's target, in cells: as narrow as the grid can hold without aliasing.
TARGET_SIGMA_CELLS = 1.0


@dataclass(frozen=True, kw_only=True)
class Summed:
    """A loss before it is averaged.

    Attributes:
        total: () sum.
        count: () how many were summed; carries no gradient.
    """

    total: Tensor
    count: Tensor

    def mean(self) -> Tensor:
        """The loss where there is only one process; 0 if nothing is known."""
        return self.total / self.count.clamp(min=1)


def coordinate_loss(marginals: Marginals, targets: Tensor, known: Tensor) -> Summed:
    """L1 distance of the soft-argmax to the targets over what is known, in grid shares.

    Args:
        marginals: of the heat-maps.
        targets: (N, J, 3) x, y, z as shares of the grid.
        known: (N, J, 3) 0 or 1.
    """
    error = (expected_cells(marginals) / _grid(marginals) - targets).abs() * known
    return Summed(total=error.sum(), count=known.sum())


def upstream_coordinate_loss(marginals: Marginals, targets: Tensor, known: Tensor) -> Summed:
    """The same as 3DMPPE and MobileHumanPose average it: in cells, over unknown joints too.

    (dx + dy + dz) / 3 of each joint, where what is not known is 0, and then the mean over all
    N · J: a sample that shows few joints counts less, and 2D alone counts two thirds.

    Args:
        marginals: of the heat-maps.
        targets: (N, J, 3) x, y, z as shares of the grid.
        known: (N, J, 3) 0 or 1.
    """
    error = (expected_cells(marginals) - targets * _grid(marginals)).abs() * known
    return Summed(total=error.sum(), count=torch.full_like(known.sum(), known.numel()))


def heatmap_loss(marginals: Marginals, targets: Tensor, known: Tensor) -> Summed:
    """Cross-entropy between the image-plane heat-map and what it should be.

    Which is a Gaussian at the target of a known joint, and an even spread for a joint that is
    known to lie outside the crop: it has no place there, and its score should say so.

    The expectation alone leaves the heat-map's shape open: many shapes have the same mean. Asking
    for a peak at the joint speeds learning up, and gives the score its meaning (the idea of the
    regularised DSNT, Nibali et al. 2018, with cross-entropy for the divergence).

    Args:
        marginals: of the heat-maps.
        targets: (N, J, 3) as shares of the grid; x and y of a joint outside are not in [0, 1).
        known: (N, J, 3) 0 or 1; 0 for a joint outside.
    """
    plane = marginals.plane
    height, width = plane.shape[-2:]
    columns = torch.arange(width, device=plane.device) - targets[..., 0:1] * width
    rows = torch.arange(height, device=plane.device) - targets[..., 1:2] * height
    along_x, along_y = (
        torch.exp(-(distance**2) / (2 * TARGET_SIGMA_CELLS**2)) for distance in (columns, rows)
    )
    target = along_y[..., :, None] * along_x[..., None, :]
    target = target / target.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    is_outside = ((targets[..., :2] < 0) | (targets[..., :2] >= 1)).any(dim=-1)
    target = torch.where(is_outside[..., None, None], 1 / (height * width), target)
    cross_entropy = -(target * plane.clamp(min=1e-9).log()).sum(dim=(2, 3))
    counts = torch.where(is_outside, 1, known[..., 0])
    return Summed(total=(cross_entropy * counts).sum(), count=counts.sum())


def distillation_loss(marginals: Marginals, teacher: Marginals) -> Summed:
    """Cross-entropy between what a network and its teacher believe, in the picture and in depth.

    All joints count, labelled or not: the teacher has something to say of each, and where it is
    unsure it says that too (Hinton et al. 2015).

    Args:
        marginals: of the network's heat-maps.
        teacher: of the teacher's, over the same grid; carries no gradient.

    Raises:
        UserError: the grids differ.
    """
    total = torch.zeros((), device=marginals.plane.device)
    for mine, theirs in zip(marginals, teacher, strict=True):
        if mine.shape != theirs.shape:
            raise UserError(
                f"the teacher's heat-maps are of {tuple(theirs.shape[2:])} cells, "
                f"the network's of {tuple(mine.shape[2:])}"
            )
        total = total - (theirs * mine.clamp(min=1e-9).log()).sum()
    count = torch.tensor(float(marginals.plane[..., 0, 0].numel()), device=total.device)
    return Summed(total=total, count=count)


def _grid(marginals: Marginals) -> Tensor:
    """(3,) cells along x, y, z."""
    height, width = marginals.plane.shape[2:]
    depth = marginals.depth.shape[2]
    return torch.tensor([width, height, depth], device=marginals.plane.device)
