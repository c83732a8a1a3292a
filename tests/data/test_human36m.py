"""Human3.6M's files, on a miniature of them and on a sample in the true format."""

import json
import shutil

import numpy as np
import pytest

from mobilehumanpose.data.annotations import refuse
from mobilehumanpose.data.human36m import (
    ACTIONS,
    PROTOCOLS,
    human36m_bbox_root,
    load_human36m,
)
from mobilehumanpose.data.human36m_cameras import read_cameras
from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import HUMAN36M_18


def annotations(root, subject, kind):
    return root / "Human36M" / "annotations" / f"Human36M_subject{subject}_{kind}.json"


def subjects_of(samples):
    return set(samples.image_tags["subject"][samples.image_index].tolist())


@pytest.fixture
def root(miniature):
    return miniature("human36m")


@pytest.mark.parametrize(
    ("protocol", "split", "subjects", "stride"),
    [
        (1, "train", {1, 5, 6, 7, 8, 9}, 5),
        (1, "test", {11}, 64),
        (2, "train", {1, 5, 6, 7, 8}, 5),
        (2, "test", {9, 11}, 64),
    ],
)
def test_each_protocol_takes_its_subjects_and_frames(root, protocol, split, subjects, stride):
    samples = load_human36m(root, split, protocol).samples
    assert subjects_of(samples) == subjects
    assert set(samples.image_tags["frame"].tolist()) == {f for f in (0, 5, 64) if f % stride == 0}
    assert set(samples.image_tags["camera"].tolist()) == {1, 2, 3, 4}
    assert set(samples.image_tags["action"].tolist()) <= set(ACTIONS)
    assert len(samples) == len(subjects) * 2 * 2 * 4  # actions, frames, cameras


def test_the_stride_can_be_chosen(root):
    frames = load_human36m(root, "test", 2, stride=1).samples.image_tags["frame"]
    assert set(frames.tolist()) == {0, 5, 64}


def test_protocols_name_what_they_measure():
    assert PROTOCOLS[1].metric == "pa_mpjpe_rigid"
    assert PROTOCOLS[2].metric == "mpjpe"


def test_joints_are_those_of_the_file_seen_from_the_camera(root):
    """World joints, by hand: R·X + t, then f·X/Z + c."""
    samples = load_human36m(root, "test", 1).samples
    world = json.loads(annotations(root, 11, "joint_3d").read_text())
    cameras = json.loads(annotations(root, 11, "camera").read_text())
    for person in range(len(samples)):
        image = samples.image_index[person]
        tag = {name: str(values[image]) for name, values in samples.image_tags.items()}
        joints = np.array(world[tag["action"]][tag["subaction"]][tag["frame"]])
        camera = cameras[tag["camera"]]
        expected = np.array([np.array(camera["R"]) @ joint + camera["t"] for joint in joints])
        np.testing.assert_allclose(samples.keypoints_mm(person)[:17], expected, atol=0.02)
        pixels = expected[:, :2] / expected[:, 2:] * camera["f"] + camera["c"]
        np.testing.assert_allclose(samples.keypoints_px[person, :17], pixels, atol=1e-3)
        np.testing.assert_allclose(
            samples.depth_mm[person, :17], expected[:, 2] - expected[0, 2], atol=0.01
        )
        np.testing.assert_allclose(samples.roots_mm[person], expected[0], atol=0.01)
        thorax = (expected[11] + expected[14]) / 2
        np.testing.assert_allclose(samples.keypoints_mm(person)[17], thorax, atol=0.02)
    assert HUMAN36M_18.joint_names[17] == "Thorax"
    assert samples.has_px.all()
    assert samples.has_depth.all()


def test_camera_centres_are_recognised_and_mean_the_same(root, edit):
    before = load_human36m(root, "test", 1).samples

    def to_centres(cameras):
        for camera in cameras.values():
            camera["t"] = (-np.array(camera["R"]).T @ camera["t"]).tolist()

    edit(annotations(root, 11, "camera"), to_centres)
    told = []
    after = load_human36m(root, "test", 1, on_problem=told.append).samples
    np.testing.assert_allclose(after.keypoints_px, before.keypoints_px, atol=1e-3)
    np.testing.assert_allclose(after.roots_mm, before.roots_mm, atol=1e-2)
    assert [problem.where for problem in told] == [f"camera {n}" for n in (1, 2, 3, 4)]
    assert all(problem.is_handled for problem in told)
    load_human36m(root, "test", 1)  # and goes on


def test_a_camera_that_fits_neither_way_is_refused(root, edit):
    edit(annotations(root, 11, "camera"), lambda cameras: cameras["3"]["t"].reverse())
    with pytest.raises(UserError, match=r"subject11_camera\.json: camera 3: puts people outside"):
        load_human36m(root, "test", 1)


def test_the_damaged_sequence_is_left_out(root, edit):
    def rename(data):
        for image in data["images"]:
            if image["action_idx"] == 2:
                image["subaction_idx"] = 2

    def move(joints):
        joints["2"]["2"] = joints["2"].pop("1")

    edit(annotations(root, 11, "data"), rename)
    edit(annotations(root, 11, "joint_3d"), move)
    tags = load_human36m(root, "test", 1).samples.image_tags
    found = set(zip(tags["action"].tolist(), tags["camera"].tolist(), strict=True))
    assert found == {(2, 2), (2, 3), (2, 4), (16, 1), (16, 2), (16, 3), (16, 4)}


@pytest.mark.parametrize(
    ("kind", "how", "message"),
    [
        ("data", lambda d: d["images"][0].pop("frame_idx"), "field 'frame_idx' is missing"),
        ("data", lambda d: d["images"][0].update(subject=9), "'subject' is 9; 11 is right"),
        ("data", lambda d: d["images"][0].update(file_name="../a.jpg"), "leaves its folder"),
        ("data", lambda d: d["annotations"][0].update(bbox=[1, 2]), "'bbox' is of size 2"),
        ("data", lambda d: d["annotations"][0].update(image_id=12345), "no such image"),
        ("camera", lambda d: d.pop("2"), "camera 2: is missing or unusable; 4 images"),
        ("camera", lambda d: d["2"].update(R=[[1, 0], [0, 1]]), "field 'R' is of size 2 × 2"),
        ("camera", lambda d: d["2"].update(R=np.ones((3, 3)).tolist()), "'R' is no rotation"),
        ("camera", lambda d: d["2"].update(f=[0, 1]), "focal lengths are positive"),
        ("camera", lambda d: d["2"].pop("c"), "camera 2: lacks the field 'c'"),
        ("camera", lambda d: d.update(a={}), "camera a: is no camera's number"),
        ("joint_3d", lambda d: d["2"]["1"].pop("64"), r"\(2, 1, 64\) is missing; 17 × 3"),
        ("joint_3d", lambda d: d["2"]["1"]["0"].pop(), "is of size 16 × 3; 17 × 3 numbers"),
        ("joint_3d", lambda d: d["2"]["1"]["0"][3].__setitem__(0, float("nan")), "not finite"),
    ],
)
def test_what_is_wrong_is_named(root, edit, kind, how, message):
    edit(annotations(root, 11, kind), how)
    with pytest.raises(UserError, match=rf"subject11_{kind}\.json: .*{message}|{message}"):
        load_human36m(root, "test", 1)


def test_frames_that_are_not_taken_need_no_joints(root, edit):
    edit(annotations(root, 11, "joint_3d"), lambda joints: joints["2"]["1"].pop("5"))
    load_human36m(root, "test", 1)


def test_an_id_is_not_used_by_two_subjects(root, edit):
    def collide(data):
        data["images"][0]["id"] = 0
        data["annotations"][0]["image_id"] = 0

    first = json.loads(annotations(root, 9, "data").read_text())["images"][0]["id"]
    edit(annotations(root, 9, "data"), collide)
    edit(annotations(root, 11, "data"), collide)
    assert first != 0
    with pytest.raises(UserError, match="image 0: field 'id' is that of images of two subjects"):
        load_human36m(root, "test", 2)


def test_a_subject_that_is_not_there_is_named(root):
    annotations(root, 9, "data").unlink()
    load_human36m(root, "test", 1)
    with pytest.raises(UserError, match=r"subject9_data\.json: cannot be read"):
        load_human36m(root, "test", 2)


def test_the_file_of_detections_has_its_name(root):
    assert human36m_bbox_root(root).is_file()


def test_a_file_in_the_true_format_gives_the_boxes_that_stand_in_it(shared_dir, tmp_path):
    """Its boxes were made from its joints: (width − 1) · 1.2 about the middle, 17 joints."""
    source = shared_dir / "data" / "samples" / "human36m_format" / "annotations"
    if not source.is_dir():
        pytest.skip(f"{source}: not here")
    for kind in ("data", "camera", "joint_3d"):
        target = annotations(tmp_path, 1, kind)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / f"Dummy_subject1_{kind}.json", target)
    data = annotations(tmp_path, 1, "data")
    empty = json.dumps({"images": [], "annotations": []})
    for subject in (5, 6, 7, 8):
        annotations(tmp_path, subject, "data").write_text(empty)
        for kind in ("camera", "joint_3d"):
            annotations(tmp_path, subject, kind).write_text("{}")
    samples = load_human36m(tmp_path, "train", 2).samples
    assert len(samples) == 1
    keypoints_px = samples.keypoints_px[0, :17].astype(float)
    low, high = keypoints_px.min(axis=0), keypoints_px.max(axis=0)
    size = (high - low - 1) * 1.2
    expected = json.loads(data.read_text())["annotations"][0]["bbox"]
    np.testing.assert_allclose([*((low + high - size) / 2), *size], expected, atol=1e-2)
    assert samples.image_name(0).endswith("ca_01_000001.jpg")
    assert samples.image_size(0) == (1000, 1002)
    assert 4000 < samples.roots_mm[0, 2] < 6500
    camera = read_cameras(annotations(tmp_path, 1, "camera"), refuse)[1]
    assert samples.camera(0).focal_px == pytest.approx(camera.intrinsics.focal_px)
