"""The soft-argmax head: hand-worked cases, gradients, and the export form's equality."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilehumanpose.decode import POSITIONS, decode_heatmaps
from mobilehumanpose.errors import UserError
from mobilehumanpose.models.head import (
    SCORE_RADIUS,
    SURE_MASS,
    ExportHead,
    MarginalHead,
    Marginals,
    expected_cells,
    joint_marginals,
    near_mass,
    soft_argmax,
)


def peaks(*places: tuple[int, int, int], size: int = 32, logit: float = 50.0) -> torch.Tensor:
    """(1, size, size, size) heat-map of one joint with equal peaks at (x, y, z)."""
    volume = torch.zeros(1, size, size, size)
    for x, y, z in places:
        volume[0, z, y, x] = logit
    return volume


def test_one_peak_is_found_exactly_with_full_score():
    cells, scores = soft_argmax(peaks((3, 17, 30)), 1)
    np.testing.assert_allclose(cells[0, 0], [3, 17, 30], atol=1e-4)
    assert scores.item() == pytest.approx(1, abs=1e-5)


def test_flat_heat_maps_mean_the_middle_and_hardly_any_score():
    cells, scores = soft_argmax(torch.zeros(2, 21 * 32, 32, 32), 21)
    np.testing.assert_allclose(cells, 15.5, atol=1e-3)
    assert (scores < 0.02).all()


def test_belief_split_between_two_places_scores_nothing():
    cells, scores = soft_argmax(peaks((4, 10, 16), (24, 10, 16)), 1)
    np.testing.assert_allclose(cells[0, 0], [14, 10, 16], atol=1e-3)
    assert scores.item() < 1e-3


def test_the_peak_of_a_split_belief_is_at_the_likelier_place():
    volume = peaks((4, 10, 16), (24, 20, 8))
    volume[0, 16, 10, 4] += 0.7  # about twice as likely
    (mean,), (score,) = (values[0] for values in soft_argmax(volume, 1))
    (peak,), (peak_score,) = (values[0] for values in soft_argmax(volume, 1, "peak"))
    likely = 1 / (1 + np.exp(-0.7))
    np.testing.assert_allclose(mean[0], 24 - 20 * likely, atol=1e-3)
    np.testing.assert_allclose(peak[:2], [4, 10], atol=0.1)
    np.testing.assert_allclose(peak[2], mean[2])  # the depth's mean
    assert score < 0.1
    assert peak_score == pytest.approx(likely / SURE_MASS, abs=0.02)


def test_the_peak_of_one_bell_is_its_middle():
    cells = torch.arange(32.0)
    generator = torch.Generator().manual_seed(0)
    for x, y in torch.rand(20, 2, generator=generator) * 15 + 8:
        bell = -((cells[None] - x) ** 2 + (cells[:, None] - y) ** 2) / 8
        found, _ = soft_argmax(bell[None, None].repeat(1, 4, 1, 1), 1, "peak")
        np.testing.assert_allclose(found[0, 0], [x, y, 1.5], atol=0.02)


def test_the_peak_moves_smoothly_when_the_likelier_place_becomes_the_other():
    def x_at(advantage: float) -> float:
        volume = peaks((4, 10, 16), (24, 10, 16))
        volume[0, 16, 10, 4] += advantage
        return soft_argmax(volume, 1, "peak")[0][0, 0, 0].item()

    assert x_at(0) == pytest.approx(14, abs=1e-3)
    assert abs(x_at(1e-3) - x_at(0)) < 0.1


def test_belief_split_in_depth_alone_keeps_its_score():
    _, scores = soft_argmax(peaks((8, 9, 2), (8, 9, 28)), 1)
    assert scores.item() == pytest.approx(1, abs=1e-4)


def test_a_heat_map_as_sharp_as_training_asks_for_is_sure():
    """On average over where in its cell the joint lies."""
    cells = torch.arange(32.0)
    masses = []
    for x, y in torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) + 15:
        plane = torch.exp(-((cells[None] - x) ** 2 + (cells[:, None] - y) ** 2) / 2)
        plane = (plane / plane.sum())[None, None]
        masses.append(near_mass(plane, torch.stack([x, y, x * 0])[None, None]).item())
    assert sum(masses) / len(masses) == pytest.approx(SURE_MASS, abs=0.02)


def test_the_score_is_the_mass_within_the_radius():
    radius = int(SCORE_RADIUS * 32)
    assert radius == 1
    plane = torch.zeros(1, 1, 32, 32)
    plane[0, 0, 10, 10] = 0.5
    plane[0, 0, 11, 11] = 0.25  # √2 cells away
    plane[0, 0, 10, 12] = 0.25  # 2 cells away
    score = near_mass(plane, torch.tensor([[[10.0, 10.0, 0.0]]]))
    assert score.item() == pytest.approx(0.75)


def test_axes_of_a_grid_that_is_no_cube():
    heatmaps = torch.zeros(1, 2 * 4, 6, 8)
    heatmaps[0, 4 + 3, 5, 7] = 50  # second joint
    cells, _ = soft_argmax(heatmaps, 2)
    np.testing.assert_allclose(cells[0], [[3.5, 2.5, 1.5], [7, 5, 3]], atol=1e-4)


def plain_marginals(heatmaps: torch.Tensor, num_joints: int) -> Marginals:
    """As the definition says it, with autograd's own gradients."""
    batch, _, height, width = heatmaps.shape
    volumes = heatmaps.reshape(batch, num_joints, -1).softmax(-1)
    volumes = volumes.reshape(batch, num_joints, -1, height, width)
    return Marginals(volumes.sum(dim=2), volumes.sum(dim=(3, 4)))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_marginals_and_their_gradients_are_right(layout):
    generator = torch.Generator().manual_seed(0)
    heatmaps = torch.randn(2, 3 * 4, 5, 6, dtype=torch.float64, generator=generator) * 3
    heatmaps = heatmaps.to(memory_format=layout).requires_grad_()
    for mine, plain in zip(joint_marginals(heatmaps, 3), plain_marginals(heatmaps, 3), strict=True):
        assert mine.shape == plain.shape
        np.testing.assert_allclose(mine.detach(), plain.detach(), atol=1e-12)
    assert torch.autograd.gradcheck(lambda values: tuple(joint_marginals(values, 3)), (heatmaps,))
    assert torch.autograd.gradcheck(
        lambda values: expected_cells(joint_marginals(values, 3)), (heatmaps,)
    )


def test_marginals_of_half_precision_are_summed_in_float32_and_give_gradients_of_its_kind():
    heatmaps = torch.randn(2, 3 * 4, 5, 6, generator=torch.Generator().manual_seed(0))
    rounded = heatmaps.bfloat16().requires_grad_()
    exact = rounded.detach().float().requires_grad_()
    for values in (rounded, exact):
        plane, depth = joint_marginals(values, 3)
        assert plane.dtype == depth.dtype == torch.float32
        expected_cells(Marginals(plane, depth)).square().sum().backward()
    assert rounded.grad.dtype == torch.bfloat16
    np.testing.assert_allclose(rounded.grad.float(), exact.grad, rtol=2**-8, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**31),
    st.floats(0, 12),
    st.sampled_from([(8, 8, 8), (16, 8, 32)]),
    st.sampled_from(POSITIONS),
)
def test_the_export_form_gives_the_same_numbers(seed, sharpness, shape, position):
    depth, height, width = shape
    generator = torch.Generator().manual_seed(seed)
    heatmaps = torch.randn(2, 3 * depth, height, width, generator=generator) * sharpness
    cells, scores = soft_argmax(heatmaps, 3, position)
    for form in (ExportHead, MarginalHead):
        export_cells, export_scores = form(3, depth, height, width, position)(heatmaps)
        np.testing.assert_allclose(export_cells, cells, atol=1e-3)
        # A cell that lies on the circle's edge may fall on either side.
        assert (export_scores - scores).abs().median() < 1e-4
    decoded_cells, decoded_scores = decode_heatmaps(heatmaps.numpy(), 3, position)
    np.testing.assert_allclose(decoded_cells, cells, atol=1e-4)
    assert np.median(np.abs(decoded_scores - scores.numpy())) < 1e-4


def test_half_precision_heat_maps_are_summed_in_full():
    heatmaps = torch.randn(1, 32, 32, 32, generator=torch.Generator().manual_seed(0))
    cells, _ = soft_argmax(heatmaps.half(), 1)
    assert cells.dtype == torch.float32
    np.testing.assert_allclose(cells, soft_argmax(heatmaps, 1)[0], atol=0.02)


def test_channels_that_are_no_joints_are_refused():
    with pytest.raises(UserError, match="65 channels"):
        soft_argmax(torch.zeros(1, 65, 8, 8), 2)
    with pytest.raises(UserError, match="65 channels"):
        decode_heatmaps(np.zeros((1, 65, 8, 8), np.float32), 2)
