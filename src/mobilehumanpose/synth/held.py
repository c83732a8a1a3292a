"""Sticks, balls and boxes in hands: rackets, poles and bags look like limbs, and hide them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..data.synth import Split
from ..skeleton import MUCO_21
from .meshes import Mesh
from .rotations import frame
from .surroundings import SHAPES, random_material

#: Share of hands that hold something. Held-out people hold nothing, as they always did, so that
#: figures stay comparable.
HELD_SHARE: dict[Split, float] = {"train": 0.15, "held-out": 0.0}
KINDS = {"stick": 0.6, "ball": 0.25, "box": 0.15}
STICK_LENGTH_MM, STICK_THICKNESS_MM = (300.0, 2200.0), (12.0, 60.0)
THING_MM = (70.0, 350.0)
#: The body comes no nearer than this to what is held, but where the hand is.
GAP_MM, HAND_MM = 15.0, 160.0
_MAX_DRAWS = 6


def random_held(
    rng: np.random.Generator,
    joints_mm: NDArray[np.floating],
    surface_mm: NDArray[np.floating],
    share: float,
) -> list[Mesh]:
    """What a standing person holds: nothing, or a thing in one or in either hand.

    Args:
        rng: of the draws.
        joints_mm: (21, 3) in MuCo's order, with the ground at y = 0.
        surface_mm: (N, 3) points of the skin.
        share: of hands that hold something, if a draw runs neither through the body nor the ground.
    """
    held = []
    for side in "LR":
        if not share or rng.random() >= share:
            continue
        wrist, hand = joints_mm[MUCO_21.indices([f"{side}_Wrist", f"{side}_Hand"])]
        body = surface_mm[np.linalg.norm(surface_mm - hand, axis=1) > HAND_MM]
        for _ in range(_MAX_DRAWS):
            mesh = _in_hand(rng, hand, hand - wrist, body)
            if mesh is not None:
                held.append(mesh)
                break
    return held


def _in_hand(
    rng: np.random.Generator,
    hand_mm: NDArray[np.floating],
    along_mm: NDArray[np.floating],
    body_mm: NDArray[np.floating],
) -> Mesh | None:
    """A thing at the hand, which points along a vector; None if it is in the way."""
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    pointing, across, _ = frame(along_mm, rng.standard_normal(3)).T
    if kind == "stick":
        low, high = STICK_LENGTH_MM
        length = math.exp(rng.uniform(math.log(low), math.log(high)))
        thickness = rng.uniform(*STICK_THICKNESS_MM)
        size = np.array([thickness, length, thickness])
        middle = hand_mm + across * length * rng.uniform(-0.48, 0.48)
        turn = frame(across, pointing)[:, [1, 0, 2]]
        reach, radius = across * length / 2, thickness / 2
    else:
        size = np.full(3, rng.uniform(*THING_MM))
        if kind == "box":
            size *= rng.uniform(0.5, 1, 3)
        out = pointing + 0.7 * across
        middle = hand_mm + out / np.linalg.norm(out) * (float(size.max()) / 2 + 20)
        turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        reach, radius = np.zeros(3), float(size.max()) / 2
    geometry, vertices = SHAPES["cylinder" if kind == "stick" else kind]
    placed = (vertices * size) @ turn.T + middle
    # The nearest point of the stick's axis, or the middle.
    share = (body_mm - middle) @ reach / max(float(reach @ reach), 1e-9)
    nearest = middle + np.clip(share, -1, 1)[:, None] * reach
    if placed[:, 1].max() > 0 or (
        len(body_mm) and np.linalg.norm(body_mm - nearest, axis=1).min() < radius + GAP_MM
    ):
        return None
    return Mesh(
        geometry=geometry,
        vertices_mm=placed.astype(np.float32),
        material=random_material(rng, repeats=rng.uniform(0.5, 3)),
    )
