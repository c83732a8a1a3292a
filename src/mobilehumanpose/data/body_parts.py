"""Crops of a part of a body, and pictures that end there, as portraits do."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import apply_affine
from ..skeleton import Skeleton
from .crops import Augmentation

#: Parts of a body that are seen alone: how often, and the joints that they lack, sides left out.
BODY_PARTS = (
    (0.35, ("Knee", "Ankle", "Toe")),
    (0.20, ("Ankle", "Toe")),
    (0.30, ("Pelvis", "Hip", "Knee", "Ankle", "Toe")),
    (0.15, ("Head_top", "Head", "Thorax", "Spine", "Shoulder", "Elbow", "Wrist", "Hand")),
)
#: A part with fewer labelled joints gives no box.
MIN_PART_JOINTS = 4
#: Crops of a picture that ends at a part: how often they lie around the part, as a detector's box
#: does, and not around the whole body, as where a network believes in limbs beyond the edge.
CUT_AROUND_PART_SHARE = 0.5
#: A place in px that no crop shows, for a joint that is known to be in none.
NOWHERE_PX = 1e6


def random_part(
    has_px: NDArray[np.bool_],
    skeleton: Skeleton,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """(J,) which of the labelled joints to crop around: all of them, or those of a part."""
    share = augmentation.part_share
    if not share or rng.random() >= share:
        return has_px
    odds = [odd for odd, _ in BODY_PARTS]
    _, lacks = BODY_PARTS[rng.choice(len(odds), p=odds)]
    names = [name.removeprefix("L_").removeprefix("R_") for name in skeleton.joint_names]
    part = has_px & np.array([name not in lacks for name in names])
    return part if part.sum() >= MIN_PART_JOINTS else has_px


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Where a picture is made to end: it shows what lies below ``at_px`` along ``direction``.

    Attributes:
        direction: (2,) a unit vector along one of the picture's axes.
        at_px: how far along it the picture goes on.
    """

    direction: NDArray[np.floating]
    at_px: float

    def hides(self, keypoints_px: NDArray[np.floating]) -> NDArray[np.bool_]:
        """(J,) which of the (J, 2) points lie beyond."""
        return keypoints_px @ self.direction > self.at_px


def random_cut(
    keypoints_px: NDArray[np.floating],
    part: NDArray[np.bool_],
    others: NDArray[np.bool_],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> Cut | None:
    """Where the picture of a part of a body ends, or None where it shall not.

    It ends at the side beyond which most of the other joints are, anywhere between the part's last
    joint and the next of the others. A limb that comes back across the edge is seen without what
    lies beyond.

    Args:
        keypoints_px: (J, 2) of the person.
        part: (J,) the joints that the picture must show.
        others: (J,) the further ones whose places are known.
        augmentation: how often.
        rng: of the draws.
    """
    share = augmentation.cut_share
    if not share or not others.any() or rng.random() >= share:
        return None
    directions = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    reach_px = keypoints_px @ directions.T
    edge_px = reach_px[part].max(axis=0)
    beyond = reach_px[others] > edge_px
    side = int(beyond.sum(axis=0).argmax())
    if beyond[:, side].mean() <= 0.5:
        return None
    nearest_px = reach_px[others, side][beyond[:, side]].min()
    at_px = edge_px[side] + rng.random() * (nearest_px - edge_px[side])
    return Cut(direction=directions[side], at_px=float(at_px))


def blacken_beyond(
    crop: NDArray[np.uint8], cut: Cut, affine: NDArray[np.floating], image_size: tuple[int, int]
) -> None:
    """Make the (P, P, 3) crop black where its picture is cut off, in place."""
    axis = int(np.abs(cut.direction).argmax())
    # From the centre of the pixel before the first to that of the one behind the last.
    low, high = np.full(2, -1.0), np.array(image_size, float)
    if cut.direction[axis] > 0:
        low[axis] = cut.at_px
    else:
        high[axis] = -cut.at_px
    corners = np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
    cv2.fillConvexPoly(crop, np.round(apply_affine(corners, affine)).astype(np.int32), (0, 0, 0))
