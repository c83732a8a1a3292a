"""Soft shade where something stands close before something else, as between two legs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..data.synth import Split

#: Share of pictures with such shade. Held-out ones have none, as they never did, so that figures
#: stay comparable.
SHADED_SHARE: dict[Split, float] = {"train": 0.7, "held-out": 0.0}
#: What is less far before is roughness; what is farther before shades no more.
NEAR_MM, FAR_MM = 15.0, 350.0
#: Of the light that is taken where everything around is before a place.
DARKNESS = (0.3, 1.1)
#: How far around a pixel is looked, in shares of the picture's longer side.
REACH = (0.012, 0.04)
_PAIRS, _RINGS = 4, (0.4, 1.0)


def random_shade(
    rng: np.random.Generator, depth_mm: NDArray[np.float32], share: float
) -> NDArray[np.float32] | None:
    """(H, W) what is left of a picture's light, 0 to 1; None without shade.

    The shade of a pixel grows with the share of its surroundings that lie just before it (after
    screen-space ambient occlusion, Mittring 2007, which takes samples in space and not in the
    picture).

    Args:
        rng: of the draws.
        depth_mm: (H, W) along the optical axis.
        share: of pictures that have it.
    """
    if not share or rng.random() >= share:
        return None
    darkness = rng.uniform(*DARKNESS)
    reach_px = rng.uniform(*REACH) * max(depth_mm.shape)
    margin = math.ceil(reach_px)
    padded = np.pad(depth_mm, margin, mode="reflect", reflect_type="odd")
    height, width = depth_mm.shape
    shade = np.zeros((height, width), np.float32)
    for ring in _RINGS:
        for number in range(_PAIRS):
            angle = math.pi * (number + ring) / _PAIRS
            x = round(ring * reach_px * math.cos(angle))
            y = round(ring * reach_px * math.sin(angle))
            before = [
                depth_mm - padded[row : row + height, column : column + width]
                for row, column in ((margin + y, margin + x), (margin - y, margin - x))
            ]
            # Of a slope one side lies before as far as the other lies behind.
            is_hollow = before[0] + before[1] > NEAR_MM
            for side in before:
                closeness = 1 - side / np.float32(FAR_MM)
                shade += np.where(is_hollow & (side > NEAR_MM) & (closeness > 0), closeness, 0)
    shade /= 2 * _PAIRS * len(_RINGS)
    return np.maximum(1 - np.float32(darkness) * shade, 0)
