"""The flip test, held against a soft-argmax of a heat-map that sees a real mirrored picture."""

import numpy as np
import pytest

from mobilehumanpose.evaluate.flip import average_flipped, unflip_cells
from mobilehumanpose.skeleton import MUCO_21

CROP_PX = 256


def predict(picture: np.ndarray, grid_width: int) -> float:
    """The x in cells of the bright spot: soft-argmax of a heat-map around where it lies."""
    x_px = (picture * np.arange(CROP_PX)).sum() / picture.sum()
    cells = np.arange(grid_width)
    logits = -((cells - x_px * grid_width / CROP_PX) ** 2) / 8
    heat = np.exp(logits - logits.max())
    return float((heat * cells).sum() / heat.sum())


@pytest.mark.parametrize(("grid_width", "upstream_bias"), [(32, -0.4375), (64, -0.375)])
@pytest.mark.parametrize("x_px", [100.0, 127.5, 161.3])
def test_only_the_exact_unflip_leaves_a_perfect_prediction_alone(grid_width, upstream_bias, x_px):
    picture = np.exp(-(((np.arange(CROP_PX) - x_px) / 6) ** 2))
    cells = np.zeros((21, 3))
    mirrored = np.zeros((21, 3))
    cells[:, 0] = predict(picture, grid_width)
    mirrored[:, 0] = predict(picture[::-1], grid_width)
    settings = {"grid_width": grid_width, "crop_px": CROP_PX}
    exact = average_flipped(cells, mirrored, MUCO_21, **settings)
    np.testing.assert_allclose(exact, cells, atol=1e-6)
    upstream = average_flipped(cells, mirrored, MUCO_21, unflip="upstream", **settings)
    np.testing.assert_allclose(upstream[:, 0] - cells[:, 0], upstream_bias, atol=1e-6)


def test_left_and_right_swap_and_depth_stays():
    cells = np.zeros((2, 21, 3))
    cells[:, MUCO_21.index("L_Hand")] = 3, 4, 5
    back = unflip_cells(cells, MUCO_21, grid_width=32, crop_px=256)
    np.testing.assert_allclose(back[:, MUCO_21.index("R_Hand")], [[28.875, 4, 5]] * 2)
    np.testing.assert_allclose(back[:, MUCO_21.index("L_Hand")], [[31.875, 0, 0]] * 2)
    twice = unflip_cells(back, MUCO_21, grid_width=32, crop_px=256)
    np.testing.assert_allclose(twice, cells)
    assert cells[0, 0, 0] == 0  # the input is left alone
