"""Pictures of people where no photograph is given: flat drawings, which networks know for people.

A network that sees nobody in a picture spreads its belief all over it, and rounding its weights
then moves joints that nobody would rely on. What matters is where joints go that it is sure of.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

#: Side of the picture that everything below is measured in.
SIDE_PX = 256
#: Fractions of a pixel in OpenCV's coordinates, as bits.
_SHIFT = 4


def draw_people(count: int, side_px: int) -> NDArray[np.uint8]:
    """(N, P, P, 3) RGB pictures, always the same, one standing person in the middle of each."""
    rng = np.random.default_rng(0)
    size = (side_px, side_px)
    drawn = [cv2.resize(_person(rng), size, interpolation=cv2.INTER_AREA) for _ in range(count)]
    return np.stack(drawn)


def _person(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Limbs as thick lines from joint to joint, over a background that fades."""
    above, below = rng.uniform(90, 230, (2, 3))
    fade = np.linspace(0, 1, SIDE_PX)[:, None, None]
    picture = np.zeros((SIDE_PX, SIDE_PX, 3)) + above + (below - above) * fade
    skin = np.array([225.0, 180, 150]) * rng.uniform(0.4, 1)
    shirt, trousers = rng.uniform(20, 230, 3), rng.uniform(20, 160, 3)
    scale = rng.uniform(0.8, 1.05)
    hips, neck = np.array([128.0, 128 + 10 * scale]), np.array([128.0, 128 - 55 * scale])
    head = neck + [0, -22 * scale]

    def limb(
        start: FloatArray, angle: float, length: float, color: FloatArray, width: float
    ) -> FloatArray:
        """A line at an angle from straight down; where it ends."""
        end = start + length * scale * np.array([np.sin(angle), np.cos(angle)])
        first, last = (np.rint(point * 2**_SHIFT).astype(int).tolist() for point in (start, end))
        thick = round(width * scale)
        cv2.line(picture, first, last, color.tolist(), thick, cv2.LINE_AA, _SHIFT)
        return end

    for side in (-1, 1):
        bend = side * rng.uniform(0, 0.5)
        knee = limb(hips + [side * 9 * scale, 0], bend, 45, trousers, 17)
        ankle = limb(knee, bend * rng.uniform(-0.3, 0.9), 44, trousers, 13)
        limb(ankle, side * 1.2, 9, np.full(3, 40.0), 9)
    corners = [neck + [-21 * scale, 3], neck + [21 * scale, 3], hips + [15, 2], hips + [-15, 2]]
    cv2.fillPoly(picture, [np.rint(corners).astype(np.int32)], shirt.tolist(), cv2.LINE_AA)
    limb(neck, np.pi, 22, skin, 11)
    for side in (-1, 1):
        swing = side * rng.uniform(0.1, 1.4)
        elbow = limb(neck + [side * 20 * scale, 6 * scale], swing, 30, shirt, 12)
        swing += side * rng.uniform(0, 1.2)
        limb(limb(elbow, swing, 28, skin, 9), swing, 7, skin, 10)
    middle = tuple(np.rint(head).astype(int).tolist())
    axes = (round(11 * scale), round(15 * scale))
    cv2.ellipse(picture, middle, axes, 0, 0, 360, skin.tolist(), -1, cv2.LINE_AA)
    cv2.ellipse(picture, middle, axes, 0, 190, 350, (50, 35, 25), -1, cv2.LINE_AA)
    picture += rng.normal(0, 6, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.8), 0, 255).astype(np.uint8)
