"""Hands: bent fingers close towards the palm, on both sides alike."""

import numpy as np

from mobilehumanpose.synth.hands import bend_axes, bend_fingers, random_bends_degrees
from mobilehumanpose.synth.recordings import AVERAGE

FINGERS = [f"finger{i}" for i in (2, 3, 4, 5)]


def heads(body, bends_degrees) -> np.ndarray:
    shape = body.shape(AVERAGE)
    rotations = body.rest_rotations()
    bones, turns = bend_fingers(body, bend_axes(body, shape), bends_degrees)
    rotations[bones] = turns
    return body.forward_kinematics(shape, rotations)[1]


def test_fingers_close_towards_the_palm(tiny_body):
    """The back of a hand at rest looks up and away from the body, so tips move down and inwards."""
    rest = tiny_body.shape(AVERAGE).bone_heads_mm
    bent = heads(tiny_body, np.full((2, 5), 45.0))
    for side, outwards in (("L", [1, -1, 0]), ("R", [-1, -1, 0])):
        for finger in FINGERS:
            tip = tiny_body.bone_index[f"{finger}-3.{side}"]
            assert (bent[tip] - rest[tip]) @ outwards < -5
            knuckle = tiny_body.bone_index[f"{finger}-1.{side}"]
            np.testing.assert_allclose(bent[knuckle], rest[knuckle], atol=1e-4)


def test_both_hands_close_alike(tiny_body):
    bent = heads(tiny_body, np.tile([10.0, 20, 30, 40, 50], (2, 1)))
    left = [i for name, i in tiny_body.bone_index.items() if name.endswith(".L")]
    right = [tiny_body.mirrored_bones[i] for i in left]
    np.testing.assert_allclose(bent[left] * [-1, 1, 1], bent[right], atol=1e-3)


def test_no_bend_is_the_hand_at_rest(tiny_body):
    rest = tiny_body.shape(AVERAGE).bone_heads_mm
    np.testing.assert_allclose(heads(tiny_body, np.zeros((2, 5))), rest, atol=1e-3)


def test_random_hands_are_flat_relaxed_or_clenched():
    bends = np.array([random_bends_degrees(np.random.default_rng(i)) for i in range(300)])
    assert bends.min() > -25
    assert bends.max() < 100
    of_hands = bends.mean(axis=2).ravel()
    assert 0.1 < (of_hands > 50).mean() < 0.3  # clenched
    assert 0.1 < (of_hands < 7).mean() < 0.35  # flat
