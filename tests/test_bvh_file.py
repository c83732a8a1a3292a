"""Poses over a video as BVH."""

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mobilehumanpose import Skeleton, UserError
from mobilehumanpose.bvh_file import (
    bvh_writer,
    euler_zxy_degrees,
    limb_rotations,
    limb_tree,
    rest_offsets,
)
from mobilehumanpose.skeleton import COCO_19, HUMAN36M_18, LSP_14, MPII_16, MUCO_21, MUPOTS_17
from mobilehumanpose.synth.bvh import parse_bvh

TREE = limb_tree(MUCO_21)
seeds = st.integers(0, 2**32 - 1)
OFFSETS_MM = np.linspace(100, 500, 21)[:, None] * TREE.rest_directions
#: Shoulders lie below the neck, hips below the pelvis.
for name in ("L_Shoulder", "R_Shoulder", "L_Hip", "R_Hip"):
    OFFSETS_MM[MUCO_21.index(name), 1] = -90
LENGTHS_MM = np.linalg.norm(OFFSETS_MM, axis=1)


def body_that_moves(seed: int, frames: int = 3) -> np.ndarray:
    """(F, J, 3), y up: bones of one length that turn in every joint by any angle."""
    rng = np.random.default_rng(seed)
    positions, turned = np.zeros((frames, 21, 3)), np.zeros((frames, 21, 3, 3))
    for joint in TREE.order:
        parent = TREE.parents[joint]
        own = Rotation.random(frames, random_state=rng.integers(2**31)).as_matrix()
        turned[:, joint] = own if parent < 0 else turned[:, parent] @ own
        if parent < 0:
            positions[:, joint] = rng.normal(size=(frames, 3)) * 1000
        else:
            positions[:, joint] = positions[:, parent] + turned[:, parent] @ OFFSETS_MM[joint]
    return positions


def write(path, pose, positions, frame_rate=25.0):
    """As poses in the camera's axes."""
    with bvh_writer(path, MUCO_21, frame_rate) as add:
        for time, mm in enumerate(positions):
            poses = [] if mm is None else [replace(pose, keypoints_mm=mm * (1, -1, -1))]
            add(time / frame_rate, poses)
    return parse_bvh(path.read_text(), path.name)


def places_of(motion):
    """Places of the joints that have names of their own, and of the ends of limbs."""
    _, places = motion.forward_kinematics()
    ends = {"Head.end": "Head_top", "R_Wrist.end": "R_Hand", "L_Wrist.end": "L_Hand",
            "R_Ankle.end": "R_Toe", "L_Ankle.end": "L_Toe"}  # fmt: skip
    at = [MUCO_21.index(ends.get(name, name)) for name in motion.joint_names]
    ordered = np.empty_like(places)
    ordered[:, at] = places
    return ordered


@pytest.mark.parametrize("seed", range(5))
def test_a_body_of_fixed_bones_comes_back(tmp_path, pose, seed):
    positions = body_that_moves(seed)
    motion = write(tmp_path / "a.bvh", pose, positions)
    assert motion.frame_time_s == pytest.approx(0.04)
    np.testing.assert_allclose(places_of(motion), positions / 10, atol=0.02)


def test_at_rest_it_stands_with_its_arms_out(tmp_path, pose):
    motion = write(tmp_path / "a.bvh", pose, body_that_moves(0))
    still = replace(
        motion, rotations=np.tile(np.eye(3), (1, 21, 1, 1)), root_positions=np.zeros((1, 3))
    )
    at = dict(zip(MUCO_21.joint_names, places_of(still)[0], strict=True))
    assert at["Head_top"][1] > at["Thorax"][1] > 0 > at["L_Knee"][1] > at["L_Ankle"][1]
    assert at["L_Hand"][0] > at["L_Shoulder"][0] > 0 > at["R_Shoulder"][0] > at["R_Hand"][0]
    assert at["L_Hand"][1] == pytest.approx(at["L_Shoulder"][1])
    assert at["L_Shoulder"][1] < at["Thorax"][1] - 5
    assert at["R_Toe"][2] > 0


def test_bones_are_as_long_as_in_the_median_picture(tmp_path, pose):
    body = body_that_moves(1, frames=1)[0]
    motion = write(tmp_path / "a.bvh", pose, [body, 1.1 * body, 5 * body])
    lengths = np.linalg.norm(motion.offsets, axis=1)[1:]
    assert sorted(lengths) == pytest.approx(
        sorted(0.11 * LENGTHS_MM[np.array(TREE.order[1:])]), abs=1e-3
    )


def test_without_a_person_it_stays_as_it_was(tmp_path, pose):
    first, second = body_that_moves(2, frames=2)
    motion = write(tmp_path / "a.bvh", pose, [None, first, None, second])
    np.testing.assert_allclose(
        places_of(motion), np.array([first, first, first, second]) / 10, atol=0.02
    )
    nobody = write(tmp_path / "b.bvh", pose, [None, None])
    assert len(nobody.root_positions) == 1


def test_joints_in_one_place_turn_nothing():
    positions = np.zeros((2, 21, 3))
    rotations = limb_rotations(positions, TREE, rest_offsets(positions, TREE))
    assert np.isfinite(rotations).all()
    np.testing.assert_allclose(np.linalg.det(rotations), 1)


def test_a_limb_that_points_back_is_turned_by_half():
    positions = np.zeros((1, 21, 3))
    for joint in TREE.order[1:]:
        side = -1 if MUCO_21.joint_names[joint].endswith("Wrist") else 1
        parent = TREE.parents[joint]
        positions[:, joint] = positions[:, parent] + side * TREE.rest_directions[joint]
    rotations = limb_rotations(positions, TREE, TREE.rest_directions)[0]
    elbow = MUCO_21.index("L_Elbow")
    assert np.trace(rotations[elbow]) == pytest.approx(-1)
    np.testing.assert_allclose(rotations[elbow] @ [1, 0, 0], [-1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotations[MUCO_21.index("R_Knee")], np.eye(3), atol=1e-12)


@given(seeds)
def test_bones_turn_by_the_smallest_angle(seed):
    positions = body_that_moves(seed, frames=2)
    rotations = limb_rotations(positions, TREE, OFFSETS_MM)
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    elbow, wrist = MUCO_21.index("L_Elbow"), MUCO_21.index("L_Wrist")
    before, after = TREE.rest_directions[wrist], rotations[:, elbow] @ TREE.rest_directions[wrist]
    angle = np.arccos(np.clip(after @ before, -1, 1))
    turned = Rotation.from_matrix(rotations[:, elbow]).magnitude()
    np.testing.assert_allclose(turned, angle, atol=1e-6)


@given(seeds, st.sampled_from([0.0, 90.0, -90.0, 45.0]))
def test_angles_give_the_rotation(seed, x):
    rng = np.random.default_rng(seed)
    z, y = rng.uniform(-180, 180, 2)
    rotation = Rotation.from_euler("ZXY", [z, x, y], degrees=True).as_matrix()
    again = Rotation.from_euler("ZXY", euler_zxy_degrees(rotation), degrees=True).as_matrix()
    np.testing.assert_allclose(again, rotation, atol=1e-5)


@pytest.mark.parametrize("skeleton", [MUCO_21, MUPOTS_17, MPII_16], ids=lambda s: s.name)
def test_every_set_with_a_tree_can_be_written(skeleton):
    tree = limb_tree(skeleton)
    assert tree.order[0] == skeleton.root
    edges = {frozenset(edge) for edge in skeleton.edges}
    found = {frozenset((joint, int(tree.parents[joint]))) for joint in tree.order[1:]}
    assert found == edges


LOOP = replace(MUPOTS_17, edges=(*MUPOTS_17.edges, (2, 5)))
STRANGE = Skeleton(
    name="strange", joint_names=("Pelvis", "Tail"), edges=((0, 1),), flip_pairs=(), root=0
)


@pytest.mark.parametrize(
    ("skeleton", "message"),
    [
        (LSP_14, "no root"),
        (COCO_19, "no tree"),
        (HUMAN36M_18, "no tree"),
        (LOOP, "no tree"),
        (STRANGE, "Tail has no place"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_other_sets_are_refused_before_anything_is_worked_out(tmp_path, skeleton, message):
    with pytest.raises(UserError, match=message):
        bvh_writer(tmp_path / "a.bvh", skeleton, 25).__enter__()
    assert os.listdir(tmp_path) == []


def test_what_is_no_number_is_refused_and_leaves_no_file(tmp_path, pose):
    with pytest.raises(UserError, match="not finite"):
        write(tmp_path / "a.bvh", pose, [np.full((21, 3), np.nan)])
    assert os.listdir(tmp_path) == []
