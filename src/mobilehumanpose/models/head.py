"""The soft-argmax head: 3D heat-maps in, joint positions in grid cells and scores out.

Position: a softmax over all D·H·W cells of a joint makes its heat-map a probability; the position
is the expectation of the cell index, x in [0, W−1], y in [0, H−1], z in [0, D−1] (integral pose
regression, Sun et al., ECCV 2018; the head of 3DMPPE and MobileHumanPose).

Score: the probability that the heat-map itself gives to the image cells within ``SCORE_RADIUS``
of the grid's width around that position, over all depths, divided by ``SURE_MASS``. It is near 1
where the network is sure of one place, and falls where its belief is spread out or split between
two places, where the expectation lies in between. On a crop made with the usual margins the radius
is about a fifth of a torso length, so the score is the network's own guess of its PCK@0.2. How
good a guess, its model card tells.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..errors import UserError

#: As a share of the grid's width: 1.5 cells of 32, 12 px of a 256 px crop.
SCORE_RADIUS = 1.5 / 32
#: What a heat-map that is as sharp as training asks for (a Gaussian of one cell, see
#: ``train.losses``) holds within 1.5 cells of its centre: more is not to be had, so this scores 1.
SURE_MASS = 1 - math.exp(-(1.5**2) / 2)


def joint_probabilities(heatmaps: Tensor, num_joints: int) -> Tensor:
    """(N, J·D, H, W) logits, channel = joint · D + depth → (N, J, D, H, W) probabilities.

    Raises:
        UserError: the channels cannot be J joints of whole depth.
    """
    batch, channels, height, width = heatmaps.shape
    if channels % num_joints:
        raise UserError(f"heat-maps of {channels} channels do not hold {num_joints} joints")
    flat = heatmaps.reshape(batch, num_joints, -1).float().softmax(dim=-1)
    return flat.reshape(batch, num_joints, channels // num_joints, height, width)


def expected_cells(probabilities: Tensor) -> Tensor:
    """(N, J, D, H, W) probabilities → (N, J, 3) expectation of x, y, z in cells."""

    def expectation(marginal: Tensor) -> Tensor:
        cells = torch.arange(marginal.shape[-1], device=marginal.device, dtype=marginal.dtype)
        return marginal @ cells

    plane = probabilities.sum(dim=2)
    return torch.stack(
        [
            expectation(plane.sum(dim=2)),
            expectation(plane.sum(dim=3)),
            expectation(probabilities.sum(dim=(3, 4))),
        ],
        dim=-1,
    )


def near_mass(probabilities: Tensor, cells: Tensor) -> Tensor:
    """(N, J) probability within ``SCORE_RADIUS`` of (N, J, 3) ``cells`` in x, y."""
    plane = probabilities.sum(dim=2)
    height, width = plane.shape[-2:]
    columns = torch.arange(width, device=cells.device) - cells[..., 0:1]
    rows = torch.arange(height, device=cells.device) - cells[..., 1:2]
    distance_squared = rows[..., :, None] ** 2 + columns[..., None, :] ** 2
    return (plane * (distance_squared <= (SCORE_RADIUS * width) ** 2)).sum(dim=(2, 3))


def soft_argmax(heatmaps: Tensor, num_joints: int) -> tuple[Tensor, Tensor]:
    """(N, J·D, H, W) logits on any device → (N, J, 3) x, y, z in cells and (N, J) scores."""
    probabilities = joint_probabilities(heatmaps, num_joints)
    cells = expected_cells(probabilities)
    return cells, (near_mass(probabilities, cells) / SURE_MASS).clamp(max=1)


class ExportHead(nn.Module):
    """The same numbers as :func:`soft_argmax`, in operators that suit exported graphs.

    No tensor has more than four axes, and the expectation is one product with a constant matrix
    of cell coordinates. Quantisers must leave it in floating point: int8 here moves joints by
    whole cells. Its nodes are found in the graph by the scope ``head``.
    """

    coordinates: Tensor

    def __init__(self, num_joints: int, depth: int, height: int, width: int) -> None:
        super().__init__()
        self.shape = (num_joints, depth, height, width)
        z, y, x = torch.meshgrid(
            torch.arange(float(depth)),
            torch.arange(float(height)),
            torch.arange(float(width)),
            indexing="ij",
        )
        cells = torch.stack([x, y, z], dim=-1).reshape(-1, 3)
        self.register_buffer("coordinates", cells, persistent=False)

    def forward(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """(N, J·D, H, W) logits → (N, J, 3) cells and (N, J) scores."""
        num_joints, depth, height, width = self.shape
        cells = depth * height * width
        probability = heatmaps.reshape(-1, num_joints, cells).softmax(dim=-1)
        coordinates = probability @ self.coordinates
        plane = probability.reshape(-1, num_joints, depth, height * width).sum(dim=2)
        xy_of_cell = self.coordinates[: height * width, :2]
        offset_x = xy_of_cell[:, 0] - coordinates[..., 0:1]
        offset_y = xy_of_cell[:, 1] - coordinates[..., 1:2]
        near = offset_x * offset_x + offset_y * offset_y <= (SCORE_RADIUS * width) ** 2
        mass = (plane * near.to(plane.dtype)).sum(dim=-1)
        return coordinates, (mass / SURE_MASS).clamp(max=1)
