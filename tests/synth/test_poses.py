"""The pose library: nothing held out is drawn in training, and rare poses are not rare."""

import numpy as np
import pytest
from clips import cmu_bones, cmu_clip, deepmimic_clip, makehuman_pose, random_cmu_clip

from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.synth import recordings
from mobilehumanpose.synth.assets import AssetFiles
from mobilehumanpose.synth.poses import PoseLibrary, is_held_out
from mobilehumanpose.synth.recordings import (
    AVERAGE,
    RecordedPoses,
    face_viewer,
    group,
    load_poses,
    read_recordings,
    save_poses,
    thin,
)
from mobilehumanpose.synth.retarget import driven_bones
from mobilehumanpose.synth.rotations import from_vectors, to_vectors


@pytest.fixture(scope="module")
def mocap(tmp_path_factory, tiny_body):
    folder = tmp_path_factory.mktemp("mocap")
    for seed in range(20):
        (folder / f"clip{seed:02d}.bvh").write_text(random_cmu_clip(seed))
    (folder / "pose.bvh").write_text(makehuman_pose(tiny_body, {"head": (10, 0, 0)}))
    (folder / "flip.txt").write_text(deepmimic_clip(pelvis=[0.0, 0, 0, 1]))
    (folder / "LICENSE.txt").write_text("free")
    return folder


@pytest.fixture(scope="module")
def library(mocap, tiny_body, tmp_path_factory) -> PoseLibrary:
    return PoseLibrary.load(mocap, tiny_body, tmp_path_factory.mktemp("cache"))


def driven(library: PoseLibrary) -> list[int]:
    return [library.body.bone_index[name] for name in driven_bones(library.body)]


def test_every_kind_of_recording_is_read(library):
    names = library.poses.recording_names
    assert len(names) == 22
    assert {"pose.bvh", "flip.txt"} <= set(names)
    assert set(library.poses.recordings.tolist()) == set(range(22))


def test_draws_are_rotations_of_all_bones(library):
    rotations = library.draw(np.random.default_rng(0))
    assert rotations.shape == (len(library.body.bone_names), 3, 3)
    assert rotations.dtype == np.float32
    eye = np.broadcast_to(np.eye(3), rotations.shape)
    np.testing.assert_allclose(rotations @ np.swapaxes(rotations, -1, -2), eye, atol=1e-5)


def test_the_same_seed_draws_the_same_pose(library):
    first, again, other = (library.draw(np.random.default_rng(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def nearest_recording(library: PoseLibrary, rotations: np.ndarray) -> str:
    """The file of the recorded pose that a draw is a variation of."""
    distances = [
        np.abs(from_vectors(library.poses.turns) - turned[driven(library)]).max(axis=(1, 2, 3))
        for turned in (rotations, library.body.mirrored(rotations))
    ]
    pose = int(np.minimum(*distances).argmin())
    return library.poses.recording_names[library.poses.recordings[pose]]


@pytest.mark.parametrize(("split", "held_out"), [("train", False), ("held-out", True)])
def test_splits_do_not_share_recordings(library, split, held_out):
    rng = np.random.default_rng(1)
    draws = [library.draw(rng, split, tumbled_share=0, free_limbs_share=0) for _ in range(60)]
    names = {nearest_recording(library, rotations) for rotations in draws}
    assert len(names) > 1
    assert {is_held_out(name) for name in names} == {held_out}


def test_about_one_recording_in_eight_is_held_out():
    held_out = [is_held_out(f"cmu/{i:02d}_{j:02d}.bvh") for i in range(40) for j in range(25)]
    assert 0.1 < np.mean(held_out) < 0.15


def test_jitter_is_small_and_keeps_within_the_limits(library):
    """Without the mirror, each bone stays near a recorded turn and within what all show."""
    turns = library.poses.turns
    low, high = turns.min(axis=0) - 1e-4, turns.max(axis=0) + 1e-4
    rng = np.random.default_rng(2)
    for _ in range(40):
        rotations = library.draw(rng, tumbled_share=0, free_limbs_share=0)
        varied = [
            to_vectors(r[driven(library)]) for r in (rotations, library.body.mirrored(rotations))
        ]
        errors = [np.abs(turns - v).max(axis=(1, 2)) for v in varied]
        best = varied[int(np.argmin([e.min() for e in errors]))]
        assert min(e.min() for e in errors) < np.radians(30)  # six deviations
        assert ((best >= low) & (best <= high)).all()


def test_some_of_training_have_other_limbs_and_nobody_held_out_has(library):
    limbs = [bone for bone in driven(library) if library.body.bone_names[bone][-2:] in (".L", ".R")]

    def is_recorded(rotations: np.ndarray) -> bool:
        recorded = from_vectors(library.poses.turns)
        columns = [driven(library).index(bone) for bone in limbs]
        return any(
            (np.abs(recorded[:, columns] - turned[limbs]).max(axis=(1, 2, 3)) < 0.6).any()
            for turned in (rotations, library.body.mirrored(rotations))
        )

    rng = np.random.default_rng(0)
    shares = {
        split: np.mean([is_recorded(library.draw(rng, split, tumbled_share=0)) for _ in range(80)])
        for split in ("train", "held-out")
    }
    assert shares["held-out"] == 1
    assert 0.5 < shares["train"] < 0.8


def library_of_two_groups(body, common: int) -> PoseLibrary:
    """``common`` poses that bow forwards, and one that bends backwards."""
    bones = driven_bones(body)
    turns = np.zeros((common + 1, len(bones), 3), np.float32)
    turns[:, bones.index("root"), 0] = 1.0
    turns[-1, bones.index("root"), 0] = -1.0
    poses = RecordedPoses(
        turns=turns,
        groups=np.array([0] * common + [1], np.int32),
        recordings=np.zeros(common + 1, np.int32),
        recording_names=["clip00.bvh"],
    )
    assert not is_held_out("clip00.bvh")
    return PoseLibrary(body, poses)


def test_a_rare_pose_is_drawn_as_often_as_common_ones(tiny_body):
    library = library_of_two_groups(tiny_body, common=199)
    rng = np.random.default_rng(0)
    root = tiny_body.bone_index["root"]
    bows = [to_vectors(library.draw(rng, tumbled_share=0)[root])[0] > 0 for _ in range(200)]
    assert 0.4 < np.mean(bows) < 0.6


def test_half_of_the_draws_are_mirrored(tiny_body):
    library = library_of_two_groups(tiny_body, common=1)
    bones = driven_bones(tiny_body)
    library.poses.turns[:, bones.index("upperarm01.L"), 2] = 0.5
    rng = np.random.default_rng(0)
    left, right = (tiny_body.bone_index[f"upperarm01.{side}"] for side in "LR")
    is_mirrored = []
    for _ in range(200):
        rotations = library.draw(rng)
        angles = np.abs(to_vectors(rotations[[left, right]])).max(axis=1)
        is_mirrored.append(angles[1] > angles[0])
    assert 0.4 < np.mean(is_mirrored) < 0.6


def test_tumbled_people_are_turned_over_about_level_axes(tiny_body):
    library = library_of_two_groups(tiny_body, common=3)
    library.poses.turns[:] = 0
    shape = tiny_body.shape(AVERAGE)
    thorax, pelvis = MUCO_21.indices(["Thorax", "Pelvis"])

    def tilts_degrees(share: float) -> np.ndarray:
        rng = np.random.default_rng(0)
        draws = np.stack([library.draw(rng, tumbled_share=share) for _ in range(300)])
        joints_mm = tiny_body.joints(shape, draws)
        trunks = joints_mm[:, thorax] - joints_mm[:, pelvis]
        return np.degrees(np.arccos(-trunks[:, 1] / np.linalg.norm(trunks, axis=-1)))

    assert tilts_degrees(0.0).max() < 30  # jitter alone
    assert (tilts_degrees(1.0) > 90).mean() == pytest.approx(0.5, abs=0.1)
    assert (tilts_degrees(0.2) > 30).mean() == pytest.approx(0.2 * 150 / 180, abs=0.06)


def test_a_split_without_recordings_is_told(tiny_body):
    library = library_of_two_groups(tiny_body, common=3)
    with pytest.raises(UserError, match="no recording is in the split 'held-out'"):
        library.draw(np.random.default_rng(0), "held-out")


def test_poses_face_the_viewer_and_keep_their_lean(tiny_body):
    bones = driven_bones(tiny_body)
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 0.2, (8, len(bones), 3))
    vectors[:, bones.index("root")] = 0
    local = from_vectors(vectors).astype(np.float32)
    shape = tiny_body.shape(AVERAGE)
    yaws = from_vectors(np.stack([np.zeros(8), np.linspace(-3, 3, 8), np.zeros(8)], axis=-1))
    turned = local.copy()
    turned[:, bones.index("root")] = yaws @ local[:, bones.index("root")]
    (facing, joints_mm), (expected, expected_mm) = (
        face_viewer(tiny_body, shape, turns) for turns in (turned, local)
    )
    np.testing.assert_allclose(facing, expected, atol=1e-5)
    np.testing.assert_allclose(joints_mm, expected_mm, atol=0.05)
    rotations = np.tile(tiny_body.rest_rotations(), (8, 1, 1, 1))
    rotations[:, [tiny_body.bone_index[name] for name in bones]] = facing
    np.testing.assert_allclose(tiny_body.joints(shape, rotations), joints_mm, atol=0.05)
    across = joints_mm[:, MUCO_21.index("L_Hip")] + joints_mm[:, MUCO_21.index("L_Shoulder")]
    across = (
        across - joints_mm[:, MUCO_21.index("R_Hip")] - joints_mm[:, MUCO_21.index("R_Shoulder")]
    )
    np.testing.assert_allclose(across[:, 2], 0, atol=0.1)
    assert (across[:, 0] > 0).all()


def test_thinning_keeps_frames_that_differ():
    joints_mm = np.zeros((6, 21, 3))
    joints_mm[:, 4, 0] = [0, 30, 59, 61, 90, 122]
    assert thin(joints_mm).tolist() == [0, 3, 5]
    assert thin(joints_mm[:0]).tolist() == []


def test_groups_part_what_lies_apart():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [100, 0], [0, 100], [500, 500]])
    sizes = [300, 40, 5, 1]
    points = np.concatenate(
        [c + rng.normal(0, 1, (n, 2)) for c, n in zip(centres, sizes, strict=True)]
    )
    groups = group(points.astype(np.float32), 4)
    ends = np.cumsum(sizes)
    parts = np.split(groups, ends[:-1])
    assert [len(set(part.tolist())) for part in parts] == [1, 1, 1, 1]
    assert len({int(part[0]) for part in parts}) == 4


def test_fewer_points_than_groups_is_no_trouble():
    points = np.array([[0, 0], [0, 0], [1, 1]], np.float32)
    groups = group(points, 10)
    assert groups[0] == groups[1] != groups[2]


def test_poses_are_kept_and_read_anew_when_the_recordings_change(
    mocap, tiny_body, tmp_path, monkeypatch
):
    folder = tmp_path / "mocap"
    folder.mkdir()
    (folder / "a.bvh").write_text(random_cmu_clip(0))
    cache = tmp_path / "cache"
    first = PoseLibrary.load(folder, tiny_body, cache).poses
    with monkeypatch.context() as patch:
        patch.setattr("mobilehumanpose.synth.poses.read_recordings", None)
        again = PoseLibrary.load(folder, tiny_body, cache).poses
    np.testing.assert_array_equal(again.turns, first.turns)
    assert again.recording_names == first.recording_names
    (folder / "b.bvh").write_text(random_cmu_clip(1))
    assert PoseLibrary.load(folder, tiny_body, cache).poses.recording_names == ["a.bvh", "b.bvh"]


def test_a_damaged_file_or_an_old_one_is_not_taken(tmp_path, library, monkeypatch):
    path = tmp_path / "poses.npz"
    assert load_poses(path) is None
    save_poses(path, library.poses)
    np.testing.assert_array_equal(load_poses(path).groups, library.poses.groups)
    path.write_bytes(path.read_bytes()[:-50])
    assert load_poses(path) is None
    save_poses(path, library.poses)
    monkeypatch.setattr(recordings, "FILE_VERSION", 0)
    assert load_poses(path) is None


def test_a_folder_without_motion_is_told(tmp_path, tiny_body):
    (tmp_path / "readme.txt").write_text("nothing here")
    with pytest.raises(UserError, match="holds no motion"):
        read_recordings(AssetFiles(tmp_path), tiny_body)


def test_a_still_recording_gives_one_pose(tmp_path, tiny_body):
    (tmp_path / "still.bvh").write_text(cmu_clip(np.zeros((5, len(cmu_bones()), 3))))
    assert len(read_recordings(AssetFiles(tmp_path), tiny_body).turns) == 1
