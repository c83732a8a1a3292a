"""Losses on hand-worked heat-maps."""

import math

import pytest
import torch

from mobilehumanpose.errors import UserError
from mobilehumanpose.models.head import Marginals
from mobilehumanpose.train.losses import (
    coordinate_loss,
    distillation_loss,
    heatmap_loss,
    upstream_coordinate_loss,
)


def summed(probabilities: torch.Tensor) -> Marginals:
    """Marginals of (N, J, D, H, W)."""
    return Marginals(probabilities.sum(dim=2), probabilities.sum(dim=(3, 4)))


def one_hot(x: int, y: int, z: int) -> Marginals:
    probabilities = torch.zeros(1, 1, 4, 8, 8)
    probabilities[0, 0, z, y, x] = 1
    return summed(probabilities)


def joined(*joints: Marginals) -> Marginals:
    """One person's joints."""
    planes, depths = zip(*joints, strict=True)
    return Marginals(torch.cat(planes, dim=1), torch.cat(depths, dim=1))


def test_coordinate_loss_is_a_mean_over_what_is_known():
    targets = torch.tensor([[[0.5, 0.25, 0.75]]])
    probabilities = one_hot(5, 2, 1)  # x 0.625, y 0.25, z 0.25
    known = torch.tensor([[[1.0, 1, 1]]])
    assert coordinate_loss(probabilities, targets, known).mean().item() == pytest.approx(0.625 / 3)
    known = torch.tensor([[[1.0, 1, 0]]])
    assert coordinate_loss(probabilities, targets, known).mean().item() == pytest.approx(0.125 / 2)
    assert coordinate_loss(probabilities, targets, torch.zeros(1, 1, 3)).mean().item() == 0


def test_the_originals_average_is_in_cells_and_counts_unknown_joints():
    # The grid is 8 × 8 × 4 cells; joints: all known, unknown, and 2D only.
    probabilities = joined(one_hot(5, 2, 1), one_hot(0, 0, 0), one_hot(3, 3, 3))
    targets = torch.tensor([[[0.5, 0.5, 1.0], [0.9, 0.9, 0.9], [0.5, 0.5, 0.0]]])
    known = torch.tensor([[[1.0, 1, 1], [0, 0, 0], [1, 1, 0]]])
    # |5−4| + |2−4| + |1−4| = 6, 0, |3−4| + |3−4| = 2; a third of each, and their mean.
    loss = upstream_coordinate_loss(probabilities, targets, known)
    assert loss.mean().item() == pytest.approx((6 / 3 + 0 + 2 / 3) / 3)
    # Over what is known, in shares of the grid: 1/8 + 2/8 + 3/4 + 1/8 + 1/8 of five numbers.
    ours = coordinate_loss(probabilities, targets, known)
    assert ours.mean().item() == pytest.approx(1.375 / 5)


def test_parts_of_a_batch_add_up_to_the_whole():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3, 4 * 8 * 8, generator=generator)
    probabilities = logits.softmax(-1).reshape(4, 3, 4, 8, 8)
    targets = torch.rand(4, 3, 3, generator=generator)
    known = (torch.rand(4, 3, 3, generator=generator) < 0.5).float()
    known[2:] = 0
    known[2, 0] = 1
    for loss in (coordinate_loss, upstream_coordinate_loss, heatmap_loss):
        whole = loss(summed(probabilities), targets, known)
        parts = [
            loss(summed(probabilities[at]), targets[at], known[at])
            for at in (slice(2), slice(2, 4))
        ]
        total, count = sum(p.total for p in parts), sum(p.count for p in parts)
        assert (total / count).item() == pytest.approx(whole.mean().item())


def test_heatmap_loss_is_least_for_the_right_gaussian():
    known = torch.ones(1, 1, 3)
    targets = torch.tensor([[[0.5, 0.5, 0.0]]])
    grid = torch.arange(8.0)
    distance = (grid[:, None] - 4) ** 2 + (grid[None] - 4) ** 2

    def loss(sigma: float) -> float:
        plane = torch.exp(-distance / (2 * sigma**2))
        return (
            heatmap_loss(summed((plane / plane.sum())[None, None, None]), targets, known)
            .mean()
            .item()
        )

    assert loss(1.0) < min(loss(0.7), loss(1.4))
    # A Gaussian's entropy in two dimensions is 1 + ln(2πσ²).
    assert loss(1.0) == pytest.approx(1 + math.log(2 * math.pi), abs=0.02)


def test_unknown_joints_do_not_count():
    targets = torch.tensor([[[0.5, 0.5, 0.5], [0.1, 0.1, 0.1]]])
    probabilities = joined(one_hot(4, 4, 2), one_hot(7, 7, 3))
    known = torch.tensor([[[1.0, 1, 1], [0, 0, 0]]])
    assert coordinate_loss(probabilities, targets, known).mean().item() == 0
    alone = heatmap_loss(one_hot(4, 4, 2), targets[:, :1], known[:, :1])
    assert heatmap_loss(probabilities, targets, known).mean().item() == pytest.approx(
        alone.mean().item()
    )


def test_a_joint_outside_the_crop_belongs_nowhere():
    targets = torch.tensor([[[1.2, 0.5, 0.0]]])
    known = torch.zeros(1, 1, 3)
    even = summed(torch.full((1, 1, 8, 8, 8), 1 / 512))
    assert heatmap_loss(even, targets, known).mean().item() == pytest.approx(math.log(64))
    assert heatmap_loss(one_hot(7, 4, 0), targets, known).mean().item() > 2 * math.log(64)


def test_heatmap_loss_survives_zeros():
    marginals = one_hot(0, 0, 0)
    marginals.plane.requires_grad_()
    loss = heatmap_loss(marginals, torch.full((1, 1, 3), 0.9), torch.ones(1, 1, 3)).mean()
    loss.backward()
    assert math.isfinite(loss.item())
    assert torch.isfinite(marginals.plane.grad).all()


def test_distillation_is_a_cross_entropy_over_the_picture_and_depth():
    half = summed(torch.full((1, 2, 4, 8, 8), 1 / 256))
    taught = joined(one_hot(5, 2, 1), one_hot(3, 3, 3))
    assert distillation_loss(half, taught).mean().item() == pytest.approx(
        math.log(64) + math.log(4), rel=1e-5
    )
    assert distillation_loss(taught, taught).mean().item() == pytest.approx(0, abs=1e-6)


def test_distillation_is_least_where_the_network_believes_what_its_teacher_does():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4 * 8 * 8, generator=generator)

    def believe(values):
        return summed(values.softmax(-1).reshape(2, 3, 4, 8, 8))

    taught, mine = believe(logits), logits.clone().requires_grad_()
    distillation_loss(believe(mine), taught).mean().backward()
    assert mine.grad.abs().max() < 1e-6
    other = (logits + torch.randn(logits.shape, generator=generator)).requires_grad_()
    loss = distillation_loss(believe(other), taught).mean()
    loss.backward()
    assert loss > distillation_loss(taught, taught).mean()
    assert other.grad.abs().max() > 1e-4


def test_a_teacher_of_another_grid_is_refused():
    with pytest.raises(UserError, match=r"of \(4, 4\) cells, the network's of \(8, 8\)"):
        distillation_loss(one_hot(1, 1, 1), summed(torch.full((1, 1, 4, 4, 4), 1 / 64)))
