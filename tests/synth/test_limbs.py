"""Limbs go where joints let them, and nowhere else."""

import numpy as np
import pytest

from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.synth.limbs import (
    limb_bones,
    random_arm,
    random_leg,
    random_limbs,
    random_split,
)
from mobilehumanpose.synth.recordings import AVERAGE
from mobilehumanpose.synth.retarget import DOWN, FRONT, LEFT, driven_bones, rest_frames

DRAWS = 300


def angle_degrees(first: np.ndarray, second: np.ndarray) -> float:
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def test_every_driven_bone_of_a_limb_is_an_arms_or_a_legs(tiny_body):
    arms, legs = limb_bones(tiny_body)
    names = driven_bones(tiny_body)
    assert not (arms & legs).any()
    assert {name for name, is_limb in zip(names, arms | legs, strict=True) if is_limb} == {
        name for name in names if name[-2:] in (".L", ".R")
    }


def test_arms_reach_up_to_the_side_and_across_but_not_behind():
    rng = np.random.default_rng(0)
    directions = np.array([random_arm(rng)["upper_arm"] @ DOWN for _ in range(DRAWS)])
    up, front, outward = -directions @ DOWN, directions @ FRONT, directions @ LEFT
    assert front.min() > -0.56
    assert -0.46 < outward.min() < -0.1
    assert outward[front < 0.4].min() > -0.11
    assert 0.2 < np.mean(up > 0.7) < 0.6
    assert np.mean(up < -0.5) > 0.1


def test_elbows_and_knees_bend_one_way_only():
    rng = np.random.default_rng(1)
    bends = []
    for _ in range(DRAWS):
        arm, leg = random_arm(rng), random_leg(rng)
        # A hinge turns about the axis that both of its segments share.
        for upper, lower in ((arm["upper_arm"], arm["forearm"]), (leg["thigh"], leg["shank"])):
            np.testing.assert_allclose(upper @ LEFT, lower @ LEFT, atol=1e-9)
        assert (arm["forearm"] @ DOWN) @ (arm["upper_arm"] @ FRONT) >= -1e-9
        assert (leg["shank"] @ DOWN) @ (leg["thigh"] @ FRONT) <= 1e-9
        bends.append(angle_degrees(leg["thigh"] @ DOWN, leg["shank"] @ DOWN))
    assert max(bends) <= 140.01
    assert 0.3 < np.mean(np.array(bends) < 20) < 0.6


def test_some_legs_split_and_none_crosses_far():
    rng = np.random.default_rng(2)
    directions = np.array([random_leg(rng)["thigh"] @ DOWN for _ in range(DRAWS)])
    apart = np.degrees(np.arcsin(directions @ LEFT))
    assert apart.min() > -8.1
    assert 50 < apart.max() < 85.1


def test_splits_are_wide_in_any_direction_and_mostly_straight():
    rng = np.random.default_rng(3)
    apart, forwards, bends = [], [], []
    for _ in range(DRAWS):
        legs = random_split(rng)
        left, right = legs["L_thigh"] @ DOWN, legs["R_thigh"] @ DOWN
        apart.append(angle_degrees(left, right))
        forwards.append(float((left - right) @ FRONT))
        bends.append(angle_degrees(left, legs["L_shank"] @ DOWN))
        # Neither crosses to the other's side.
        assert left @ LEFT > -1e-9
        assert right @ LEFT < 1e-9
    assert np.percentile(apart, 10) > 80
    assert max(apart) > 170
    assert np.mean(np.array(forwards) > 1.5) > 0.1
    assert np.mean(np.array(forwards) < 0.5) > 0.1
    assert np.mean(np.array(bends) < 20) > 0.6


@pytest.mark.parametrize("seed", range(5))
def test_the_body_does_what_the_segments_say(tiny_body, seed):
    """The left arm of the posed body points where the draw of the same seed says."""
    frames = rest_frames(tiny_body, tiny_body.shape(AVERAGE))
    turns = random_limbs(np.random.default_rng(seed), tiny_body, frames)
    arm = random_arm(np.random.default_rng(seed))  # the left arm is drawn first
    rotations = tiny_body.rest_rotations()
    rotations[[tiny_body.bone_index[name] for name in driven_bones(tiny_body)]] = turns
    _, heads_mm = tiny_body.forward_kinematics(tiny_body.shape(AVERAGE), rotations)
    at = {name: heads_mm[index] for name, index in tiny_body.bone_index.items()}
    upper_arm = at["lowerarm01.L"] - at["upperarm01.L"]
    forearm = at["wrist.L"] - at["lowerarm01.L"]
    # Half of a twist is the first bone's, on a rig whose bones do not lie in one line.
    assert angle_degrees(upper_arm, arm["upper_arm"] @ DOWN) < 12
    assert angle_degrees(forearm, arm["forearm"] @ DOWN) < 12


def test_the_trunk_stays_as_it_is(tiny_body):
    frames = rest_frames(tiny_body, tiny_body.shape(AVERAGE))
    turns = random_limbs(np.random.default_rng(0), tiny_body, frames)
    arms, legs = limb_bones(tiny_body)
    trunk = turns[~(arms | legs)]
    np.testing.assert_allclose(trunk, np.broadcast_to(np.eye(3), trunk.shape), atol=1e-6)


def test_limbs_of_a_real_body_keep_their_lengths(real_body):
    """Whatever the turns: an arm that were scaled or torn would show here."""
    shape = real_body.shape(AVERAGE)
    frames = rest_frames(real_body, shape)
    driven = [real_body.bone_index[name] for name in driven_bones(real_body)]
    pairs = [
        MUCO_21.indices([f"{side}_{first}", f"{side}_{second}"])
        for side in "LR"
        for first, second in (("Shoulder", "Elbow"), ("Elbow", "Wrist"), ("Knee", "Ankle"))
    ]
    rest_mm = real_body.joints(shape, real_body.rest_rotations())
    for seed in range(10):
        rotations = real_body.rest_rotations()
        rotations[driven] = random_limbs(np.random.default_rng(seed), real_body, frames)
        joints_mm = real_body.joints(shape, rotations)
        for first, second in pairs:
            length = np.linalg.norm(joints_mm[first] - joints_mm[second])
            at_rest = np.linalg.norm(rest_mm[first] - rest_mm[second])
            assert length == pytest.approx(at_rest, rel=0.12)
