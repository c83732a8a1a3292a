"""The soft-argmax head: 3D heat-maps in, joint positions in grid cells and scores out.

Position: a softmax over all D·H·W cells of a joint makes its heat-map a probability; the ``"mean"``
position is the expectation of the cell index, x in [0, W−1], y in [0, H−1], z in [0, D−1] (integral
pose regression, Sun et al., ECCV 2018; the head of 3DMPPE and MobileHumanPose).

A network that wavers between two places of a wrist has that mean in between, where the wrist
certainly is not. The ``"peak"`` position is near the likelier of the two: x and y are expectations
over the picture's probabilities smoothed by a Gaussian and raised to the eighth power. It is right
more often, and hardly further from the truth on average. Unlike the place of the maximum it moves
smoothly with the heat-map, so that exported files agree. z stays the mean, which is nearer.

Score: the probability that the heat-map itself gives to the image cells within ``SCORE_RADIUS``
of the grid's width around that position, over all depths, divided by ``SURE_MASS``. It is near 1
where the network is sure of one place, and falls where its belief is spread out or split between
two places, where the expectation lies in between. On a crop made with the usual margins the radius
is about a fifth of a torso length, so the score is the network's own guess of its PCK@0.2. How
good a guess, its model card tells.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..decode import (
    PEAK_SIGMA,
    PEAK_SQUARINGS,
    SCORE_RADIUS,
    SURE_MASS,
    Position,
    smoothing_matrix,
)
from ..errors import UserError


class Marginals(NamedTuple):
    """A joint's heat-map as probabilities, summed in two ways; all that the head and losses need.

    Attributes:
        plane: (N, J, H, W), summed over depth.
        depth: (N, J, D), summed over the image plane.
    """

    plane: Tensor
    depth: Tensor


class _Softmax(torch.autograd.Function):
    """(N, H·W, J, D) logits → softmax over H·W·D, summed over D and over H·W, in float32 at least.

    The gradient of a softmax p of logits l by a function of its marginals a and b is
    ``dl = p · (da + db − ⟨a, da⟩ − ⟨b, db⟩)``. Autograd would keep the probabilities and walk over
    them, and over as large a gradient, once for every operation; here it is once there and once
    back, in the layout that convolutions leave. That is a fifth of a whole training step. On a
    processor a crop at a time stays in the cache.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> tuple[Tensor, Tensor]:
        exact = torch.promote_types(logits.dtype, torch.float32)
        p = torch.empty_like(logits, dtype=exact, memory_format=torch.contiguous_format)
        plane, depth = p.new_empty(p.shape[:3]), p.new_empty(p.shape[0], *p.shape[2:])
        for part in _together(logits):
            mine, mine_plane = p[part].copy_(logits[part]), plane[part]
            # Along one axis after the other, which is quicker than both at once.
            mine -= mine.amax(dim=3, keepdim=True).amax(dim=1, keepdim=True)
            torch.sum(mine.exp_(), dim=3, out=mine_plane)
            total = mine_plane.sum(dim=1, keepdim=True)
            mine /= total[..., None]
            mine_plane /= total
            torch.sum(mine, dim=1, out=depth[part])
        ctx.save_for_backward(p, plane, depth)
        ctx.kind = logits.dtype
        return plane, depth

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, plane_gradient: Tensor, depth_gradient: Tensor) -> Tensor:
        p, plane, depth = ctx.saved_tensors
        mean = (plane * plane_gradient).sum(dim=1) + (depth * depth_gradient).sum(dim=2)
        # Laid out as the probabilities are, which is quicker to add up.
        along_plane = plane_gradient.contiguous()[..., None]
        along_depth = (depth_gradient - mean[..., None]).contiguous()[:, None]
        gradient = torch.empty_like(p, dtype=ctx.kind)
        for part in _together(p):
            gradient[part] = (along_plane[part] + along_depth[part]).mul_(p[part])
        return gradient


def _together(batch: Tensor) -> list[slice]:
    """The parts of a batch to work on one after the other."""
    size = 1 if batch.device.type == "cpu" else max(1, len(batch))
    return [slice(start, start + size) for start in range(0, len(batch), size)]


def joint_marginals(heatmaps: Tensor, num_joints: int) -> Marginals:
    """The softmax of (N, J·D, H, W) logits, channel = joint · D + depth, over each joint's cells.

    It is summed in float32 at least, and is quickest in the channels-last layout.

    Raises:
        UserError: the channels cannot be J joints of whole depth.
    """
    batch, channels, height, width = heatmaps.shape
    if channels % num_joints:
        raise UserError(f"heat-maps of {channels} channels do not hold {num_joints} joints")
    # Depth is given, since no crops leave nothing to infer it from.
    shape = (batch, height * width, num_joints, channels // num_joints)
    plane, depth = _Softmax.apply(heatmaps.permute(0, 2, 3, 1).reshape(shape))
    return Marginals(plane.transpose(1, 2).reshape(batch, num_joints, height, width), depth)


def expected_cells(marginals: Marginals) -> Tensor:
    """(N, J, 3) expectation of x, y, z in cells."""

    def expectation(probabilities: Tensor) -> Tensor:
        size = probabilities.shape[-1]
        return probabilities @ torch.arange(
            size, device=probabilities.device, dtype=probabilities.dtype
        )

    plane, depth = marginals
    return torch.stack(
        [expectation(plane.sum(dim=2)), expectation(plane.sum(dim=3)), expectation(depth)], dim=-1
    )


def sharpened(plane: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Probabilities of the picture's cells, drawn together about the peak of the smoothed ones.

    Args:
        plane: (N, J, H, W), whose last two axes sum to 1, as those of the result do.
        rows: (H, H), see :func:`~mobilehumanpose.decode.smoothing_matrix`.
        columns: (W, W), likewise.
    """
    peak = rows @ plane @ columns
    peak = peak / peak.amax(dim=(2, 3), keepdim=True)
    for _ in range(PEAK_SQUARINGS):
        peak = peak * peak
    return peak / peak.sum(dim=(2, 3), keepdim=True)


def _smoothing(height: int, width: int) -> tuple[Tensor, Tensor]:
    """(H, H) and (W, W) for :func:`sharpened`."""
    rows, columns = (smoothing_matrix(cells, PEAK_SIGMA * width) for cells in (height, width))
    return torch.tensor(rows), torch.tensor(columns)


def near_mass(plane: Tensor, cells: Tensor) -> Tensor:
    """(N, J) share of (N, J, H, W) within ``SCORE_RADIUS`` of (N, J, 3) ``cells`` in x, y."""
    height, width = plane.shape[-2:]
    columns = torch.arange(width, device=cells.device) - cells[..., 0:1]
    rows = torch.arange(height, device=cells.device) - cells[..., 1:2]
    distance_squared = rows[..., :, None] ** 2 + columns[..., None, :] ** 2
    return (plane * (distance_squared <= (SCORE_RADIUS * width) ** 2)).sum(dim=(2, 3))


def soft_argmax(
    heatmaps: Tensor, num_joints: int, position: Position = "mean"
) -> tuple[Tensor, Tensor]:
    """(N, J·D, H, W) logits on any device → (N, J, 3) x, y, z in cells and (N, J) scores."""
    marginals = joint_marginals(heatmaps, num_joints)
    located = marginals
    if position == "peak":
        matrices = [m.to(marginals.plane) for m in _smoothing(*heatmaps.shape[2:])]
        located = marginals._replace(plane=sharpened(marginals.plane, *matrices))
    cells = expected_cells(located)
    return cells, (near_mass(marginals.plane, cells) / SURE_MASS).clamp(max=1)


def _register_smoothing(head: nn.Module, height: int, width: int) -> None:
    rows, columns = _smoothing(height, width)
    head.register_buffer("smooth_rows", rows, persistent=False)
    head.register_buffer("smooth_columns", columns, persistent=False)


class ExportHead(nn.Module):
    """The same numbers as :func:`soft_argmax`, in operators that suit exported graphs.

    No tensor has more than four axes. The probabilities are summed first over depth and over the
    picture, so that only those small sums meet the constant coordinates of the cells. Quantisers
    must leave it in floating point: int8 here moves joints by whole cells. Its nodes are found in
    the graph by the scope ``head``.
    """

    xy_of_cell: Tensor
    z_of_cell: Tensor
    smooth_rows: Tensor
    smooth_columns: Tensor

    def __init__(
        self, num_joints: int, depth: int, height: int, width: int, position: Position = "mean"
    ) -> None:
        super().__init__()
        self.position = position
        self.shape = (num_joints, depth, height, width)
        y, x = torch.meshgrid(
            torch.arange(float(height)), torch.arange(float(width)), indexing="ij"
        )
        self.register_buffer("xy_of_cell", torch.stack([x, y], -1).reshape(-1, 2), persistent=False)
        self.register_buffer("z_of_cell", torch.arange(float(depth))[:, None], persistent=False)
        _register_smoothing(self, height, width)

    def forward(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """(N, J·D, H, W) logits → (N, J, 3) cells and (N, J) scores."""
        num_joints, depth, height, width = self.shape
        cells = depth * height * width
        probability = heatmaps.reshape(-1, num_joints, cells).softmax(dim=-1)
        probability = probability.reshape(-1, num_joints, depth, height * width)
        plane = probability.sum(dim=2)
        located = plane
        if self.position == "peak":
            picture = plane.reshape(-1, num_joints, height, width)
            picture = sharpened(picture, self.smooth_rows, self.smooth_columns)
            located = picture.reshape(-1, num_joints, height * width)
        xy = located @ self.xy_of_cell
        coordinates = torch.cat([xy, probability.sum(dim=3) @ self.z_of_cell], dim=-1)
        offset_x = self.xy_of_cell[:, 0] - xy[..., 0:1]
        offset_y = self.xy_of_cell[:, 1] - xy[..., 1:2]
        near = offset_x * offset_x + offset_y * offset_y <= (SCORE_RADIUS * width) ** 2
        mass = (plane * near.to(plane.dtype)).sum(dim=-1)
        return coordinates, (mass / SURE_MASS).clamp(max=1)


class MarginalHead(nn.Module):
    """The same numbers again, for runtimes that sum long products one term after the other.

    A small probability added to a large sum is rounded away: over the 32³ terms of
    :class:`ExportHead`'s product, LiteRT loses 0.003 cells so. Here no sum is longer than a plane,
    and what the softmax's own sum lost is divided out again.
    """

    columns: Tensor
    rows: Tensor
    depths: Tensor
    smooth_rows: Tensor
    smooth_columns: Tensor

    def __init__(
        self, num_joints: int, depth: int, height: int, width: int, position: Position = "mean"
    ) -> None:
        super().__init__()
        self.position = position
        self.shape = (num_joints, depth, height, width)
        self.register_buffer("columns", torch.arange(float(width)), persistent=False)
        self.register_buffer("rows", torch.arange(float(height)), persistent=False)
        self.register_buffer("depths", torch.arange(float(depth)), persistent=False)
        _register_smoothing(self, height, width)

    def forward(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """(N, J·D, H, W) logits → (N, J, 3) cells and (N, J) scores."""
        num_joints, depth, height, width = self.shape
        probability = heatmaps.reshape(-1, num_joints, depth * height * width).softmax(dim=-1)
        probability = probability.reshape(-1, num_joints, depth, height * width)
        planes = probability.sum(dim=2)
        depths = probability.sum(dim=3)
        total = depths.sum(dim=-1, keepdim=True)
        picture = planes.reshape(-1, num_joints, height, width)
        if self.position == "peak":
            picture = sharpened(picture, self.smooth_rows, self.smooth_columns)
            picture_total = picture.sum(dim=(2, 3)).unsqueeze(-1)
        else:
            picture_total = total
        moments = [
            (picture.sum(dim=2) * self.columns).sum(dim=-1, keepdim=True) / picture_total,
            (picture.sum(dim=3) * self.rows).sum(dim=-1, keepdim=True) / picture_total,
            (depths * self.depths).sum(dim=-1, keepdim=True) / total,
        ]
        cells = torch.cat(moments, dim=-1)
        columns = self.columns.repeat(height)
        rows = self.rows.repeat_interleave(width)
        offset_x = columns - cells[..., 0:1]
        offset_y = rows - cells[..., 1:2]
        near = offset_x * offset_x + offset_y * offset_y <= (SCORE_RADIUS * width) ** 2
        mass = (planes * near.to(planes.dtype)).sum(dim=-1, keepdim=True) / total
        return cells, (mass.squeeze(-1) / SURE_MASS).clamp(max=1)
