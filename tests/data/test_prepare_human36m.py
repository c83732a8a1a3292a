"""Human3.6M from a made-up release in the raw format."""

import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilehumanpose.data.human36m import ACTIONS, load_human36m
from mobilehumanpose.data.human36m_raw import USED_OF_32, rotation_of_angles
from mobilehumanpose.data.images import read_image
from mobilehumanpose.data.miniature import studio_cameras
from mobilehumanpose.data.prepare_human36m import prepare_human36m
from mobilehumanpose.data.stick_figures import random_body_mm
from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import HUMAN36M_18

cdflib = pytest.importorskip("cdflib")

CAMERA_IDS = ("54138969", "55011271", "58860488", "60457274")
NUM_FRAMES = 7
SUBJECT = 11


def angles_of(rotation):
    """Angles x, y, z of Rx·Ry·Rz."""
    y = np.arcsin(rotation[0, 2])
    return [
        np.arctan2(-rotation[1, 2], rotation[2, 2]),
        y,
        np.arctan2(-rotation[0, 1], rotation[0, 0]),
    ]


@given(st.tuples(*[st.floats(-1.5, 1.5)] * 3))
def test_angles_make_a_rotation(angles):
    rotation = rotation_of_angles(np.array(angles))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(angles_of(rotation), angles, atol=1e-9)
    about_x = rotation_of_angles(np.array([angles[0], 0, 0]))
    expected = [0, np.cos(angles[0]), np.sin(angles[0])]
    np.testing.assert_allclose(about_x @ [0, 1, 0], expected, atol=1e-12)


def write_metadata(path, prefixes):
    cameras = studio_cameras()
    extrinsics = np.zeros((4, 11, 6))
    intrinsics = []
    for number, camera in cameras.items():
        centre_mm = -camera.rotation.T @ camera.translation_mm
        extrinsics[number - 1, SUBJECT - 1] = [*angles_of(camera.rotation), *centre_mm]
        lens = camera.intrinsics
        intrinsics += [*lens.focal_px, *lens.center_px, 0, 0, 0, 0, 0]
    numbers = " ".join(repr(float(value)) for value in [*extrinsics.ravel(), *intrinsics])
    rows = [["", "", f"S{SUBJECT}"]]
    rows += [[str(action), str(sub), prefix] for (action, sub), prefix in prefixes.items()]
    mapping = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    ids = "".join(f"<id>{camera}</id>" for camera in CAMERA_IDS)
    path.write_text(
        f"<metadata><mapping>{mapping}</mapping><dbcameras><index2id>{ids}</index2id></dbcameras>"
        f"<w0>[{numbers}]</w0></metadata>"
    )


def write_poses(path, joints_mm):
    """As the release has them: variable Pose of (1, frames, 96)."""
    writer = cdflib.cdfwrite.CDF(path)
    spec = {
        "Variable": "Pose", "Data_Type": 44, "Num_Elements": 1, "Rec_Vary": True,
        "Dim_Sizes": [len(joints_mm), 96],
    }  # fmt: skip
    writer.write_var(spec, var_data=joints_mm.reshape(1, -1, 96).astype(np.float32))
    writer.close()


def write_video(path, num_frames):
    """Frame n is of the grey level 20·n."""
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 50, (200, 200))
    assert video.isOpened()
    for frame in range(num_frames):
        video.write(np.full((200, 200, 3), 20 * frame, np.uint8))
    video.release()


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The raw folder, and the (7, 17, 3) world joints of each action and subaction."""
    raw = tmp_path_factory.mktemp("release")
    poses = raw / f"S{SUBJECT}" / "MyPoseFeatures" / "D3_Positions"
    videos = raw / f"S{SUBJECT}" / "Videos"
    poses.mkdir(parents=True)
    videos.mkdir()
    rng = np.random.default_rng(0)
    prefixes = {(a, s): f"{name} {s}" for a, name in ACTIONS.items() for s in (1, 2)}
    write_metadata(raw / "metadata.xml", prefixes)
    write_video(raw / "video.mp4", NUM_FRAMES + 1)
    world = {}
    for key, prefix in prefixes.items():
        bodies = np.stack([random_body_mm(HUMAN36M_18, rng)[:17] for _ in range(NUM_FRAMES)])
        world[key] = np.stack([-bodies[..., 2], bodies[..., 0], 880 - bodies[..., 1]], axis=-1)
        joints = np.full((NUM_FRAMES, 32, 3), 1e6)  # what is not used would be seen
        joints[:, USED_OF_32] = world[key]
        write_poses(poses / f"{prefix}.cdf", joints)
        for camera in CAMERA_IDS:
            (videos / f"{prefix}.{camera}.mp4").symlink_to(raw / "video.mp4")
    return raw, world


def test_what_is_prepared_is_what_the_reader_reads(release, tmp_path):
    raw, world = release
    told = []
    prepared = prepare_human36m(raw, tmp_path, subjects=[SUBJECT], progress=told.append)
    assert prepared.num_images == 119 * 2  # frames 0 and 5; all sequences but the damaged one
    assert prepared.notes == ()
    assert len(told) == 119
    assert "s_11_act_02_subact_02_ca_01" not in told
    problems = []
    dataset = load_human36m(tmp_path, "test", 1, stride=5, on_problem=problems.append)
    assert not problems  # t is the translation, and all boxes hold their people
    samples = dataset.samples
    assert len(samples) == 238
    for person in range(0, len(samples), 17):
        at = samples.image_index[person]
        tag = {name: int(values[at]) for name, values in samples.image_tags.items()}
        expected = world[tag["action"], tag["subaction"]][tag["frame"]]
        camera = studio_cameras()[tag["camera"]]
        np.testing.assert_allclose(
            samples.keypoints_mm(person)[:17], camera.joints_mm(expected), atol=0.1
        )
        image = read_image(dataset.images, samples.image_name(person))
        assert abs(image.mean() - 20 * tag["frame"]) < 8
        assert samples.image_name(person).endswith(f"_{tag['frame'] + 1:06}.jpg")


def test_images_are_numbered_by_all_frames_and_boxes_are_the_original_ones(release, tmp_path):
    raw, _ = release
    prepare_human36m(raw, tmp_path, subjects=[SUBJECT])
    data = json.loads((tmp_path / "Human36M/annotations/Human36M_subject11_data.json").read_text())
    assert [image["id"] for image in data["images"][:4]] == [0, 5, 7, 12]
    samples = load_human36m(tmp_path, "test", 1, stride=5).samples
    keypoints_px = samples.keypoints_px[3, :17].astype(float)
    low, high = keypoints_px.min(axis=0), keypoints_px.max(axis=0)
    size = (high - low - 1) * 1.2
    expected = [*((low + high - size) / 2), *size]
    np.testing.assert_allclose(data["annotations"][3]["bbox"], expected, atol=1e-3)
    assert data["annotations"][3]["keypoints_vis"] == [True] * 17


def test_a_stopped_run_goes_on(release, tmp_path):
    raw, _ = release
    prepare_human36m(raw, tmp_path, subjects=[SUBJECT])
    pictures = sorted((tmp_path / "Human36M" / "images").rglob("*.jpg"))
    pictures[0].unlink()
    kept = pictures[1].stat().st_mtime_ns
    prepare_human36m(raw, tmp_path, subjects=[SUBJECT])
    assert pictures[0].is_file()
    assert pictures[1].stat().st_mtime_ns == kept


@pytest.fixture
def spoiled(release, tmp_path):
    """A copy of the release that may be spoiled; its files are links."""
    raw = tmp_path / "raw"
    raw.mkdir()
    for path in release[0].rglob("*"):
        target = raw / path.relative_to(release[0])
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif path.name == "metadata.xml":
            target.write_bytes(path.read_bytes())
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path.resolve())
    return raw


def test_a_video_that_ends_early_gives_what_it_has(spoiled, tmp_path):
    video = spoiled / "S11" / "Videos" / "Eating 1.54138969.mp4"
    video.unlink()
    write_video(video, 3)
    prepared = prepare_human36m(spoiled, tmp_path, subjects=[SUBJECT])
    assert prepared.num_images == 237
    assert "Eating 1.54138969.mp4: ends before its labels; 1 frames" in prepared.notes[0]


def test_a_mix_up_of_cameras_is_refused(spoiled, tmp_path):
    path = spoiled / "metadata.xml"
    start, numbers = path.read_text().split("<w0>[")
    values = numbers.split("]</w0>")[0].split()
    values[:264] = [value.lstrip("-") for value in values[:264]]
    path.write_text(f"{start}<w0>[{' '.join(values)}]</w0></metadata>")
    with pytest.raises(UserError, match="% of the joints lie in the picture"):
        prepare_human36m(spoiled, tmp_path, subjects=[SUBJECT])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<w0>[", "<w0>[1 ", "'w0' of 301 numbers; 300"),
        ("<w0>[", "<w0>[x ", "'w0': could not convert"),
        ("<td>Directions 1</td>", "<td>../Directions 1</td>", "a name needed"),
        ("<td>S11</td>", "<td>S12</td>", "'mapping' of S11, action 2, subaction 1 is ''"),
        ("index2id", "index", "lacks 'mapping', or 4 cameras"),
        ("</metadata>", "", "cannot be read as XML"),
    ],
)
def test_metadata_that_is_wrong_is_named(spoiled, tmp_path, old, new, message):
    path = spoiled / "metadata.xml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=rf"metadata\.xml: .*{message}"):
        prepare_human36m(spoiled, tmp_path, subjects=[SUBJECT])


def test_files_that_are_missing_or_broken_are_named(spoiled, tmp_path):
    poses = spoiled / "S11" / "MyPoseFeatures" / "D3_Positions"
    cdf = poses / "Directions 1.cdf"
    cdf.unlink()
    with pytest.raises(UserError, match=r"Directions 1\.cdf: no such file"):
        prepare_human36m(spoiled, tmp_path, subjects=[SUBJECT])
    cdf.write_bytes(b"no poses")
    with pytest.raises(UserError, match=r"Directions 1\.cdf: cannot be read as poses"):
        prepare_human36m(spoiled, tmp_path, subjects=[SUBJECT])
    write_poses(cdf.with_name("other.cdf"), np.full((2, 32, 3), np.nan))
    cdf.write_bytes(cdf.with_name("other.cdf").read_bytes())
    with pytest.raises(UserError, match=r"'Pose' of shape \(1, 2, 96\); N × 96 finite"):
        prepare_human36m(spoiled, tmp_path, subjects=[SUBJECT])
    with pytest.raises(UserError, match=r"S1: holds neither"):
        prepare_human36m(spoiled, tmp_path, subjects=[1])
    with pytest.raises(UserError, match=r"metadata\.xml: cannot be read"):
        prepare_human36m(tmp_path, tmp_path, subjects=[1])
    assert not list((tmp_path / "Human36M" / "annotations").iterdir())
