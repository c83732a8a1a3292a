"""Arms and legs anywhere that joints let them go, where recordings of walkers seldom are.

Gymnasts hang by their arms, jumpers tuck and straddle, climbers reach: each limb is drawn evenly
over what its joints allow, not over what people mostly do.

Everything is told of the left side in the body frame (x to the person's left, y down, z to the
back) with the limb hanging at rest, and mirrored for the right. Ranges follow those of the American
Academy of Orthopaedic Surgeons and the American Medical Association for adults (tabulated by Norkin
& White, *Measurement of Joint Motion*, appendix A), rounded, narrower where a limb would meet the
trunk, and wider for some legs apart and for splits, as gymnasts' are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .body import Body
from .retarget import (
    DOWN,
    FOOT_AT_REST,
    FRONT,
    HANGING,
    LEFT,
    LIMBS,
    TRUNK,
    SegmentMotion,
    driven_bones,
    retarget,
)
from .rotations import axis_rotations, from_vectors

Array = NDArray[np.float64]

#: How far behind the trunk an upper arm points at most, in shares of its length (33°), and how far
#: across it: where it points to the front, and elsewhere.
MAX_BACKWARDS = 0.55
IN_FRONT, MAX_ACROSS_IN_FRONT, MAX_ACROSS = 0.45, 0.45, 0.1
#: Share of arms that reach up, and by how much of their length they stray from it: people hang,
#: climb and throw with them, and few of all directions lie so high.
OVERHEAD_SHARE, OVERHEAD_SPREAD = 0.4, 0.35
#: Of the upper arm about itself, outwards and inwards.
ARM_TWIST_DEGREES = (-60.0, 80.0)
ELBOW_DEGREES = (0.0, 145.0)
#: Of the hand about the forearm, from the thumb in front; and of the wrist, each way.
FOREARM_TWIST_DEGREES = (-80.0, 80.0)
WRIST_DEGREES = (-50.0, 50.0)
#: The collar bone follows an arm that is raised all the way, or held straight to the front.
COLLAR_RISE_DEGREES, COLLAR_FORWARD_DEGREES = 28.0, 15.0
HIP_FLEXION_DEGREES = (-25.0, 125.0)
HIP_APART_DEGREES = (-8.0, 50.0)
#: Share of single legs that go further out, and how far at most.
WIDE_SHARE, WIDE_DEGREES = 0.15, 85.0
#: Share of pairs of legs in a split, as in straddles and leaps, and of straight knees among these;
#: how far each leg is from the middle, to the sides, to front and back or between; and how far the
#: middle lies before where legs hang, of those that are apart to the sides.
SPLIT_PAIR_SHARE, SPLIT_STRAIGHT_SHARE = 0.3, 0.7
SPLIT_LEG_DEGREES = (45.0, 90.0)
SPLIT_LEAN_DEGREES = (-20.0, 90.0)
THIGH_TWIST_DEGREES = (-45.0, 30.0)
KNEE_DEGREES = (0.0, 140.0)
ANKLE_DEGREES = (-15.0, 50.0)
#: Share of elbows and knees that are nearly straight, and their bend at most.
STRAIGHT_SHARE, STRAIGHT_DEGREES = 0.35, 20.0
#: Pairs of limbs that do the same on both sides, as in swings, squats and jumps.
SYMMETRIC_SHARE = 0.4
_AT_REST = {
    "collar": np.eye(3),
    "foot": FOOT_AT_REST,
    **dict.fromkeys(("upper_arm", "forearm", "hand", "thigh", "shank"), HANGING),
}
_REST_FRAMES = {f"{side}_{segment}": _AT_REST[segment] for side in "LR" for segment in LIMBS}
_MIRROR = np.diag([-1.0, 1.0, 1.0])


def limb_bones(body: Body) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(D,) which of the driven bones are of arms, and which of legs."""
    names = driven_bones(body)
    legs = ("upperleg", "lowerleg", "foot")
    is_leg = np.array([name.startswith(legs) for name in names])
    is_limb = np.array([name.endswith((".L", ".R")) for name in names])
    return is_limb & ~is_leg, is_leg


def random_limbs(
    rng: np.random.Generator, body: Body, body_frames: dict[str, Array]
) -> NDArray[np.float32]:
    """(D, 3, 3) turns of the driven bones against their parents; those of the trunk are none.

    Args:
        rng: decides everything.
        body: whose bones.
        body_frames: of ``retarget.rest_frames``.
    """
    arms = _both_sides(rng, random_arm)
    legs = random_split(rng) if rng.random() < SPLIT_PAIR_SHARE else _both_sides(rng, random_leg)
    turns = {segment: np.eye(3)[None] for segment in TRUNK}
    turns |= {name: turn[None] for name, turn in (arms | legs).items()}
    return retarget(SegmentMotion(turns=turns, rest_frames=_REST_FRAMES), body, body_frames)[0]


def random_arm(rng: np.random.Generator) -> dict[str, Array]:
    """(3, 3) turns of the left arm's segments against hanging at rest."""
    upper = _random_arm_direction(rng)
    raised, forward = max(0.0, -upper @ DOWN), max(0.0, float(upper @ FRONT))
    collar = from_vectors(
        np.radians([0.0, COLLAR_FORWARD_DEGREES * forward, -COLLAR_RISE_DEGREES * raised])
    )
    upper_arm = _twisted(_swing(upper), _uniform(rng, ARM_TWIST_DEGREES))
    # The left forearm bends to the front, about the axis that points to the left at rest.
    forearm = upper_arm @ axis_rotations(0, -_bend(rng, ELBOW_DEGREES))
    hand = _twisted(forearm, _uniform(rng, FOREARM_TWIST_DEGREES)) @ axis_rotations(
        2, _uniform(rng, WRIST_DEGREES)
    )
    return {"collar": collar, "upper_arm": upper_arm, "forearm": forearm, "hand": hand}


def random_leg(rng: np.random.Generator) -> dict[str, Array]:
    """(3, 3) turns of the left leg's segments against standing."""
    least, most = HIP_APART_DEGREES
    apart = _uniform(rng, (least, WIDE_DEGREES if rng.random() < WIDE_SHARE else most))
    flexion = _uniform(rng, HIP_FLEXION_DEGREES)
    thigh_direction = np.sin(apart) * LEFT + np.cos(apart) * (
        np.cos(flexion) * DOWN + np.sin(flexion) * FRONT
    )
    return _leg(rng, thigh_direction)


def random_split(rng: np.random.Generator) -> dict[str, Array]:
    """(3, 3) turns of both legs' segments, the legs far apart as in straddles and leaps."""
    forwards = rng.uniform(0, np.pi / 2)
    lean = _uniform(rng, SPLIT_LEAN_DEGREES) * np.cos(forwards)
    down = np.cos(lean) * DOWN + np.sin(lean) * FRONT
    front = np.cos(lean) * FRONT - np.sin(lean) * DOWN
    pair = []
    for sign in (1, -1):
        apart = _uniform(rng, SPLIT_LEG_DEGREES)
        across = np.cos(forwards) * LEFT + sign * np.sin(forwards) * front
        pair.append(_leg(rng, np.cos(apart) * down + np.sin(apart) * across, SPLIT_STRAIGHT_SHARE))
    return _named(*pair)


def _leg(
    rng: np.random.Generator, thigh_direction: Array, straight_share: float = STRAIGHT_SHARE
) -> dict[str, Array]:
    thigh = _twisted(_swing(thigh_direction), _uniform(rng, THIGH_TWIST_DEGREES))
    shank = thigh @ axis_rotations(0, _bend(rng, KNEE_DEGREES, straight_share))
    foot = shank @ axis_rotations(0, _uniform(rng, ANKLE_DEGREES))
    return {"thigh": thigh, "shank": shank, "foot": foot}


def _both_sides(
    rng: np.random.Generator, draw: Callable[[np.random.Generator], dict[str, Array]]
) -> dict[str, Array]:
    left = draw(rng)
    right = left if rng.random() < SYMMETRIC_SHARE else draw(rng)
    return _named(left, right)


def _named(left: dict[str, Array], right: dict[str, Array]) -> dict[str, Array]:
    """Both sides' turns by name; the right's are told as if it were the left."""
    turns = {f"L_{segment}": turn for segment, turn in left.items()}
    return turns | {f"R_{segment}": _MIRROR @ turn @ _MIRROR for segment, turn in right.items()}


def _random_arm_direction(rng: np.random.Generator) -> Array:
    """Where the left upper arm points: up, or evenly over the directions that it can reach."""
    is_overhead = rng.random() < OVERHEAD_SHARE
    while True:
        direction = rng.standard_normal(3)
        if is_overhead:
            direction = OVERHEAD_SPREAD * direction - DOWN
        direction /= np.linalg.norm(direction)
        front, outward = float(direction @ FRONT), float(direction @ LEFT)
        across = MAX_ACROSS_IN_FRONT if front > IN_FRONT else MAX_ACROSS
        if front > -MAX_BACKWARDS and outward > -across:
            return direction


def _swing(direction: Array) -> Array:
    """The shortest turn of what hangs down into a direction; none is straight up."""
    axis = np.cross(DOWN, direction)
    sine = np.linalg.norm(axis)
    return from_vectors(axis / max(sine, 1e-9) * np.arctan2(sine, DOWN @ direction))


def _twisted(turn: Array, angle: float) -> Array:
    """The turn after another about the hanging limb itself, by an angle that is inwards if > 0."""
    return turn @ axis_rotations(1, angle)


def _uniform(rng: np.random.Generator, degrees: tuple[float, float]) -> float:
    return float(np.radians(rng.uniform(*degrees)))


def _bend(
    rng: np.random.Generator,
    degrees: tuple[float, float],
    straight_share: float = STRAIGHT_SHARE,
) -> float:
    least, most = degrees
    return _uniform(rng, (least, STRAIGHT_DEGREES if rng.random() < straight_share else most))
