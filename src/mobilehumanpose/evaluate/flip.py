"""Flip test: predict the mirrored crop too, and average."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..skeleton import Skeleton

FloatArray = NDArray[np.floating]
Unflip = Literal["exact", "upstream"]


def unflip_cells(
    mirrored_cells: FloatArray,
    skeleton: Skeleton,
    *,
    grid_width: int,
    crop_px: int,
    unflip: Unflip = "exact",
) -> FloatArray:
    """Joints found in a mirrored crop → the same joints in the crop as it was.

    A crop of P px is mirrored by x_px → P − 1 − x_px, and labels are x = x_px · W / P cells of W.
    Hence x = W · (P − 1) / P − x′, which is ``"exact"``. ``"upstream"`` is the W − 1 − x′ of
    3DMPPE and MobileHumanPose: their average lies (1 − W / P) / 2 cells too far left, 3.5 px of
    256 for a grid of 32. It hardly shows in root-relative figures, but it does in pixels.

    Args:
        mirrored_cells: (…, J, 2 or 3) x, y and perhaps z.
        skeleton: whose left and right joints swap.
        grid_width: W.
        crop_px: P.
        unflip: which of the two.
    """
    last = grid_width - 1 if unflip == "upstream" else grid_width * (crop_px - 1) / crop_px
    cells = mirrored_cells[..., skeleton.flip_permutation, :].copy()
    cells[..., 0] = last - cells[..., 0]
    return cells


def average_flipped(
    cells: FloatArray,
    mirrored_cells: FloatArray,
    skeleton: Skeleton,
    *,
    grid_width: int,
    crop_px: int,
    unflip: Unflip = "exact",
) -> FloatArray:
    """The mean of a prediction and that of the mirrored crop; see :func:`unflip_cells`."""
    back = unflip_cells(
        mirrored_cells, skeleton, grid_width=grid_width, crop_px=crop_px, unflip=unflip
    )
    return (cells + back) / 2
