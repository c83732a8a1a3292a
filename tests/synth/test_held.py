"""What hands hold is in the hand, not in the body and not in the ground."""

import numpy as np
import pytest

from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.synth.held import GAP_MM, HAND_MM, HELD_SHARE, random_held

#: A post for a body, with the hands half a metre to its sides.
BODY_MM = np.stack(
    [np.zeros(40), np.linspace(-1700, -10, 40), np.zeros(40)], axis=1
) + np.random.default_rng(0).normal(0, 50, (40, 3))


def person() -> np.ndarray:
    joints_mm = np.zeros((MUCO_21.num_joints, 3))
    for side, x in (("L", 500.0), ("R", -500.0)):
        joints_mm[MUCO_21.index(f"{side}_Wrist")] = x * 0.8, -1000, 0
        joints_mm[MUCO_21.index(f"{side}_Hand")] = x, -1000, 0
    return joints_mm


@pytest.mark.parametrize("seed", range(40))
def test_things_are_in_hands_and_not_in_the_body(seed):
    joints_mm = person()
    held = random_held(np.random.default_rng(seed), joints_mm, BODY_MM, 1.0)
    hands = joints_mm[MUCO_21.indices(["L_Hand", "R_Hand"])]
    for mesh in held:
        low, high = mesh.vertices_mm.min(axis=0), mesh.vertices_mm.max(axis=0)
        beyond = np.maximum(np.maximum(low - hands, hands - high), 0)
        assert np.linalg.norm(beyond, axis=1).min() < HAND_MM
        assert high[1] <= 0
        assert mesh.person == 0
        gaps = np.linalg.norm(mesh.vertices_mm[:, None] - BODY_MM[None], axis=2)
        assert gaps.min() > GAP_MM / 2


def test_most_hands_that_should_hold_something_do():
    counts = [
        len(random_held(np.random.default_rng(seed), person(), BODY_MM, 1.0)) for seed in range(60)
    ]
    assert np.mean(counts) > 1.5


def test_nobody_holds_anything_where_the_share_is_none():
    """Not even the random generator moves: held-out pictures stay the same ones."""
    rng = np.random.default_rng(3)
    assert random_held(rng, person(), BODY_MM, HELD_SHARE["held-out"]) == []
    assert rng.random() == np.random.default_rng(3).random()
