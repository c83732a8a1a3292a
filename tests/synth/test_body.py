"""Bodies: they keep their bones, mirror, and are as tall as they should be."""

from dataclasses import replace

import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import LIMB_JOINTS, MUCO_21
from mobilehumanpose.synth import anny_arrays
from mobilehumanpose.synth.anny_arrays import load_arrays, save_arrays
from mobilehumanpose.synth.body import Body, cache_folder, random_traits
from mobilehumanpose.synth.recordings import AVERAGE
from mobilehumanpose.synth.rotations import from_vectors


@pytest.fixture(params=["tiny", "real"])
def body(request) -> Body:
    return request.getfixturevalue(f"{request.param}_body")


def joint(posed_or_joints, name: str) -> np.ndarray:
    joints_mm = getattr(posed_or_joints, "joints_mm", posed_or_joints)
    return joints_mm[..., MUCO_21.index(name), :]


def test_at_rest_a_person_stands_upright_and_faces_the_viewer(body):
    posed = body.pose(body.shape(AVERAGE), body.rest_rotations())
    assert joint(posed, "Head_top")[1] < joint(posed, "Thorax")[1] < joint(posed, "Pelvis")[1]
    assert joint(posed, "Pelvis")[1] < joint(posed, "L_Knee")[1] < joint(posed, "L_Ankle")[1]
    for name in LIMB_JOINTS:
        assert (joint(posed, name)[0] > 0) == name.startswith("L_")
    assert joint(posed, "L_Toe")[2] < joint(posed, "L_Ankle")[2]  # toes point to the viewer
    np.testing.assert_array_equal(joint(posed, "Pelvis"), 0)


def test_rest_leaves_the_shape_as_it_is_but_for_the_origin(body):
    shape = body.shape(AVERAGE)
    moved_mm = body.pose(shape, body.rest_rotations()).vertices_mm - shape.vertices_mm
    np.testing.assert_allclose(moved_mm, np.tile(moved_mm[0], (len(moved_mm), 1)), atol=2e-3)


def test_bones_keep_their_length(body, random_pose):
    shape = body.shape(AVERAGE)

    def lengths_mm(heads_mm: np.ndarray) -> np.ndarray:
        """From each bone's head to its parent's."""
        children = np.flatnonzero(body.bone_parents >= 0)
        return np.linalg.norm(heads_mm[children] - heads_mm[body.bone_parents[children]], axis=1)

    for seed in range(4):
        _, heads_mm = body.forward_kinematics(shape, random_pose(body, seed))
        np.testing.assert_allclose(lengths_mm(heads_mm), lengths_mm(shape.bone_heads_mm), atol=1e-3)


def test_the_root_turns_everything_about_the_pelvis(body, random_pose):
    shape, rotations = body.shape(AVERAGE), random_pose(body)
    turn = from_vectors([0.3, -1.2, 0.8]).astype(np.float32)
    turned = rotations.copy()
    root = body.bone_index["root"]
    turned[root] = turn @ rotations[root]
    before, after = body.pose(shape, rotations), body.pose(shape, turned)
    np.testing.assert_allclose(after.vertices_mm, before.vertices_mm @ turn.T, atol=2e-2)
    np.testing.assert_allclose(after.joints_mm, before.joints_mm @ turn.T, atol=2e-2)


def test_local_turns_come_back_from_forward_kinematics(body, random_pose):
    rotations = random_pose(body)
    turned, _ = body.forward_kinematics(body.shape(AVERAGE), rotations)
    local = np.swapaxes(turned[body.bone_parents], -1, -2) @ turned
    is_child = body.bone_parents >= 0
    np.testing.assert_allclose(local[is_child], rotations[is_child], atol=1e-5)


def test_joints_of_many_poses_are_those_of_each(body, random_pose):
    shape = body.shape(AVERAGE)
    poses = np.stack([random_pose(body, seed) for seed in range(3)])
    many = body.joints(shape, poses)
    for joints_mm, rotations in zip(many, poses, strict=True):
        np.testing.assert_allclose(joints_mm, body.pose(shape, rotations).joints_mm, atol=2e-2)


def test_mirroring_mirrors_the_joints_and_twice_is_no_change(body, random_pose):
    rotations = random_pose(body)
    mirrored = body.mirrored(rotations)
    np.testing.assert_array_equal(body.mirrored(mirrored), rotations)
    shape = body.shape(AVERAGE)
    expected = body.joints(shape, rotations)[MUCO_21.flip_permutation] * [-1, 1, 1]
    # hm08 is symmetric to a millimetre or two.
    np.testing.assert_allclose(body.joints(shape, mirrored), expected, atol=5)


def test_the_crown_stays_on_the_surface(body, random_pose):
    shape = body.shape(AVERAGE)
    posed = body.pose(shape, random_pose(body, 3))
    skin = np.unique(body.skin_triangles)
    crown = skin[shape.vertices_mm[skin, 1].argmin()]
    np.testing.assert_allclose(joint(posed, "Head_top"), posed.vertices_mm[crown], atol=1e-2)


@pytest.mark.parametrize("stature_mm", [1550.0, 1640.0, 1750.0])
def test_people_are_as_tall_as_they_should_be(body, stature_mm):
    shape = body.shape(replace(AVERAGE, stature_mm=stature_mm))
    skin_mm = shape.vertices_mm[np.unique(body.skin_triangles)]
    assert np.ptp(skin_mm[:, 1]) == pytest.approx(stature_mm, abs=8)


def test_the_same_seed_makes_the_same_person(body):
    shapes = [body.random_shape(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(shapes[0].vertices_mm, shapes[1].vertices_mm)
    assert shapes[0].traits == shapes[1].traits != shapes[2].traits


def test_random_people_are_adults_of_every_build():
    people = [random_traits(np.random.default_rng(seed)) for seed in range(500)]
    assert min(p.age for p in people) >= 2 / 3
    assert 0.4 < np.mean([p.is_female for p in people]) < 0.6
    weights = [p.weight for p in people]
    assert min(weights) < 0.1
    assert max(weights) > 0.9
    assert min(p.stature_mm for p in people) > 1350
    assert max(p.stature_mm for p in people) < 2050


def test_a_heavy_person_is_wider(body):
    thin, heavy = (
        body.shape(replace(AVERAGE, gender=0.0, weight=weight)).vertices_mm for weight in (0.5, 1.0)
    )
    assert np.ptp(heavy[:, 2]) > np.ptp(thin[:, 2])


def test_arrays_come_back_from_their_file(tmp_path, tiny_body, monkeypatch):
    path = tmp_path / "body.npz"
    assert load_arrays(path) is None
    save_arrays(path, tiny_body._arrays)
    again = Body(load_arrays(path))
    shape, same = (b.shape(AVERAGE).vertices_mm for b in (tiny_body, again))
    np.testing.assert_array_equal(same, shape)
    assert again.bone_names == tiny_body.bone_names
    path.write_bytes(path.read_bytes()[:-100])
    assert load_arrays(path) is None
    save_arrays(path, tiny_body._arrays)
    monkeypatch.setattr(anny_arrays, "FILE_VERSION", 0)
    assert load_arrays(path) is None


def test_load_keeps_what_anny_gave(tmp_path, tiny_body, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "mobilehumanpose.synth.body.read_anny", lambda: calls.append(1) or tiny_body._arrays
    )
    for _ in range(2):
        assert Body.load(tmp_path / "cache").bone_names == tiny_body.bone_names
    assert calls == [1]


def test_without_anny_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "anny", None)
    with pytest.raises(UserError, match=r"pip install 'mobilehumanpose\[synth\]'"):
        Body.load(tmp_path)


def test_where_the_cache_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("MHP_CACHE", str(tmp_path / "there"))
    assert cache_folder() == tmp_path / "there"
    assert cache_folder(tmp_path) == tmp_path


def test_the_real_body_is_closed_and_seen_from_outside(real_body):
    """The volume that its triangles enclose is positive, and that of a person."""
    vertices_mm = real_body.shape(AVERAGE).vertices_mm
    a, b, c = np.moveaxis(vertices_mm[real_body.skin_triangles].astype(np.float64), 1, 0)
    litres = np.einsum("fi,fi->", a, np.cross(b, c)) / 6e6
    assert 45 < litres < 80


def test_the_real_body_has_human_proportions(real_body):
    """Segment lengths as shares of stature: Drillis & Contini 1966, within what people vary by."""
    joints_mm = real_body.pose(real_body.shape(AVERAGE), real_body.rest_rotations()).joints_mm

    def share(a: str, b: str) -> float:
        distance_mm = np.linalg.norm(joint(joints_mm, a) - joint(joints_mm, b))
        return float(distance_mm) / AVERAGE.stature_mm

    assert share("L_Hip", "L_Knee") == pytest.approx(0.245, abs=0.02)
    assert share("L_Knee", "L_Ankle") == pytest.approx(0.246, abs=0.02)
    assert share("L_Shoulder", "L_Elbow") == pytest.approx(0.186, abs=0.035)
    assert share("L_Elbow", "L_Wrist") == pytest.approx(0.146, abs=0.02)


def test_hips_are_as_far_apart_as_in_real_frames(real_body):
    """0.27 and 0.30 of a leg in frames of Human3.6M, 0.28 and 0.34 in MPI-INF-3DHP's."""
    joints_mm = real_body.joints(real_body.shape(AVERAGE), real_body.rest_rotations())

    def apart_mm(a: str, b: str) -> float:
        return float(np.linalg.norm(joint(joints_mm, a) - joint(joints_mm, b)))

    leg_mm = apart_mm("L_Hip", "L_Knee") + apart_mm("L_Knee", "L_Ankle")
    assert apart_mm("L_Hip", "R_Hip") / leg_mm == pytest.approx(0.30, abs=0.02)
    middle_mm = (joint(joints_mm, "L_Hip") + joint(joints_mm, "R_Hip")) / 2
    np.testing.assert_allclose(joint(joints_mm, "Pelvis"), middle_mm, atol=1e-3)
