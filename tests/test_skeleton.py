"""Joint sets and mapping by name."""

import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import (
    COCO_19,
    HUMAN36M_18,
    LIMB_JOINTS,
    LSP_14,
    MPII_16,
    MUCO_21,
    MUPOTS_17,
    SKELETONS,
    get_skeleton,
    map_joints,
)

every_skeleton = pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)


@every_skeleton
def test_the_name_counts_the_joints(skeleton):
    assert int(skeleton.name.rsplit("-", 1)[1]) == skeleton.num_joints
    assert len(set(skeleton.joint_names)) == skeleton.num_joints


@every_skeleton
def test_flip_swaps_left_and_right_and_nothing_else(skeleton):
    for joint, other in enumerate(skeleton.flip_permutation):
        name, partner = skeleton.joint_names[joint], skeleton.joint_names[other]
        mirrored = {"L": "R", "R": "L"}
        if name[:2] in ("L_", "R_"):
            assert partner == mirrored[name[0]] + name[1:]
        else:
            assert partner == name
    np.testing.assert_array_equal(
        skeleton.flip_permutation[skeleton.flip_permutation], np.arange(skeleton.num_joints)
    )


@every_skeleton
def test_edges_stay_edges_when_mirrored(skeleton):
    edges = {frozenset(edge) for edge in skeleton.edges}
    order = skeleton.flip_permutation
    mirrored = {frozenset((int(order[a]), int(order[b]))) for a, b in skeleton.edges}
    assert edges == mirrored


@pytest.mark.parametrize("skeleton", [HUMAN36M_18, MUCO_21, MUPOTS_17, MPII_16])
def test_edges_join_all_joints(skeleton):
    reached = {0}
    for _ in range(skeleton.num_joints):
        reached |= {b for a, b in skeleton.edges if a in reached}
        reached |= {a for a, b in skeleton.edges if b in reached}
    missing = {skeleton.joint_names[i] for i in range(skeleton.num_joints)} - {
        skeleton.joint_names[i] for i in reached
    }
    assert missing <= {"Thorax"}  # Human3.6M's extra joint hangs on no edge in the original


@every_skeleton
def test_every_set_has_the_limb_joints(skeleton):
    assert len(skeleton.indices(LIMB_JOINTS)) == 12


def test_roots():
    assert [s.root for s in (HUMAN36M_18, MUCO_21, MUPOTS_17, COCO_19, MPII_16, LSP_14)] == [
        0,
        14,
        14,
        18,
        6,
        None,
    ]


def test_muco_begins_with_mupots():
    assert MUCO_21.joint_names[:17] == MUPOTS_17.joint_names


@pytest.mark.parametrize(
    ("source", "target", "shared"),
    [(COCO_19, MUCO_21, 14), (COCO_19, HUMAN36M_18, 15), (MPII_16, HUMAN36M_18, 16)],
)
def test_how_many_joints_datasets_share(source, target, shared):
    _, present = map_joints(np.zeros((source.num_joints, 3)), source, target)
    assert present.sum() == shared


def test_mapping_takes_values_by_name_and_fills_the_rest():
    values = np.arange(2 * 19 * 2.0).reshape(2, 19, 2)
    mapped, present = map_joints(values, COCO_19, MUCO_21, fill=-1)
    np.testing.assert_array_equal(
        mapped[:, MUCO_21.index("L_Knee")], values[:, COCO_19.index("L_Knee")]
    )
    assert not present[MUCO_21.index("Spine")]
    assert (mapped[:, ~present] == -1).all()


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="muco-21"):
        get_skeleton("muco")
    with pytest.raises(UserError, match="R_Wing"):
        MUCO_21.index("R_Wing")
    with pytest.raises(UserError, match="19 joints"):
        map_joints(np.zeros((18, 3)), COCO_19, MUCO_21)


@every_skeleton
def test_bones_lead_from_the_root_to_every_joint_that_an_edge_reaches(skeleton):
    edges = {frozenset(edge) for edge in skeleton.edges}
    bones = skeleton.bones
    assert all(frozenset(bone) in edges for bone in bones)
    ends = [end for _, end in bones]
    assert len(set(ends)) == len(ends)  # each hangs on one other
    hung = {skeleton.root} if skeleton.root is not None else set()
    for at, end in bones:
        assert at in hung or at not in ends  # on what hangs already, or on a beginning
        hung |= {at, end}
    assert hung >= set().union(*edges)


def test_bones_go_to_the_end_of_a_limb_before_the_next():
    names = MUCO_21.joint_names
    bones = [(names[a], names[b]) for a, b in MUCO_21.bones]
    assert len(bones) == 20
    assert bones[:5] == [
        ("Pelvis", "R_Hip"),
        ("R_Hip", "R_Knee"),
        ("R_Knee", "R_Ankle"),
        ("R_Ankle", "R_Toe"),
        ("Pelvis", "L_Hip"),
    ]
