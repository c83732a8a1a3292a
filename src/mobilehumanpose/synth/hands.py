"""Fingers, which recordings of whole bodies leave out: flat, relaxed or clenched."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .body import Body, Shape
from .rotations import from_vectors

#: Bend of each finger joint in degrees: the least and the most of a flat, a relaxed and a
#: clenched hand, and how often each comes.
BENDS_DEGREES = ((-5.0, 8.0), (8.0, 35.0), (55.0, 80.0))
SHARES = (0.2, 0.6, 0.2)
_FINGERS = ("finger2", "finger3", "finger4", "finger5")
#: The thumb bends less, and only beyond its root.
_THUMB_SHARE = 0.5


def bend_axes(body: Body, shape: Shape) -> NDArray[np.float64]:
    """(2, 3) the axis that the fingers of the left and of the right hand bend about, at rest.

    It runs across the knuckles; turning about it to the right moves fingers towards the palm.
    """
    axes = []
    for side, sign in (("L", 1.0), ("R", -1.0)):
        first, last = (
            shape.bone_heads_mm[body.bone_index[f"{finger}-1.{side}"]]
            for finger in ("finger2", "finger5")
        )
        axes.append(sign * (last - first) / np.linalg.norm(last - first))
    return np.array(axes, np.float64)


def bend_fingers(
    body: Body, axes: NDArray[np.floating], bends_degrees: NDArray[np.floating]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Turns of the finger bones, (K,) indices and (K, 3, 3), for two hands bent by so much.

    Args:
        body: whose bones.
        axes: of :func:`bend_axes`.
        bends_degrees: (2, 5) bend of each joint of the thumb and the four fingers, left then
            right.
    """
    bones, vectors = [], []
    for side, axis, bends in zip("LR", axes, np.radians(bends_degrees), strict=True):
        for part in (2, 3):
            bones.append(body.bone_index[f"finger1-{part}.{side}"])
            vectors.append(axis * bends[0] * _THUMB_SHARE)
        for finger, bend in zip(_FINGERS, bends[1:], strict=True):
            for part in (1, 2, 3):
                bones.append(body.bone_index[f"{finger}-{part}.{side}"])
                vectors.append(axis * bend)
    return np.array(bones), from_vectors(np.array(vectors)).astype(np.float32)


def random_bends_degrees(rng: np.random.Generator) -> NDArray[np.float64]:
    """(2, 5) bends for :func:`bend_fingers`: each hand of one kind, its fingers a little apart."""
    kinds = rng.choice(len(SHARES), size=2, p=SHARES)
    ranges = np.array(BENDS_DEGREES)[kinds]
    bends: NDArray[np.float64] = rng.uniform(ranges[:, 0], ranges[:, 1])[:, None]
    return bends + rng.normal(0, 4, size=(2, 5))
