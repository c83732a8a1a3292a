"""Labels of LSP Extended with taught depth, on a small file in its format."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from mobilehumanpose.data.lspet import BLAZEPOSE_INDEX, load_lspet, split, torso_length_px
from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import LSP_14, MUCO_21

#: A person standing upright, 14 labels in px.
STANDING = {
    "R_Ankle": (90, 290), "R_Knee": (92, 240), "R_Hip": (92, 190),
    "L_Hip": (112, 190), "L_Knee": (112, 240), "L_Ankle": (114, 290),
    "R_Wrist": (70, 200), "R_Elbow": (75, 165), "R_Shoulder": (82, 125),
    "L_Shoulder": (122, 125), "L_Elbow": (130, 165), "L_Wrist": (134, 200),
    "Neck": (102, 118), "Head_top": (102, 70),
}  # fmt: skip


def write_labels(path: Path, count: int = 3) -> dict[str, np.ndarray]:
    joints = np.zeros((count, 14, 3), np.float32)
    landmarks = np.zeros((count, 39, 5), np.float16)
    world = np.zeros((count, 39, 3), np.float16)
    for name, (x, y) in STANDING.items():
        joints[:, LSP_14.index(name)] = x, y, 1
    for name, index in BLAZEPOSE_INDEX.items():
        anchor = {"Hand": "Wrist", "Toe": "Ankle"}.get(name[2:], name[2:])
        landmarks[:, index, :2] = STANDING[name[:2] + anchor]
        world[:, index, 2] = 0.01 * index
    landmarks[:, 7:9, :2] = 102, 90
    world[:, 7:9, 2] = 0.2
    arrays = {
        "file_name": np.array([f"im{i:05d}.jpg" for i in range(9, 9 + count)]),
        "joints": joints,
        "blazepose_landmarks": landmarks,
        "blazepose_world": world,
        "blazepose_presence": np.ones(count, np.float16),
    }
    np.savez(path, **arrays)
    photo = cv2.imencode(".jpg", np.zeros((320, 200, 3), np.uint8))[1].tobytes()
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        for name in arrays["file_name"]:
            archive.writestr(str(name), photo)
    return arrays


@pytest.fixture
def arrays(tmp_path) -> dict[str, np.ndarray]:
    return write_labels(tmp_path / "lspet-train.npz")


def load(tmp_path: Path, arrays: dict[str, np.ndarray]):
    np.savez(tmp_path / "lspet-train.npz", **arrays)
    return load_lspet(tmp_path).samples


def test_a_whole_person_fills_every_joint(tmp_path, arrays):
    samples = load(tmp_path, arrays)
    index = MUCO_21.index
    assert samples.has_px.all()
    assert samples.has_depth.all()
    px, depth = samples.keypoints_px[0], samples.depth_mm[0]
    np.testing.assert_allclose(px[index("L_Knee")], (112, 240))
    np.testing.assert_allclose(px[index("Thorax")], STANDING["Neck"])
    np.testing.assert_allclose(px[index("Pelvis")], (102, 190))
    np.testing.assert_allclose(px[index("Spine")], (102, 154))
    np.testing.assert_allclose(depth[index("L_Knee")], 250, atol=0.2)
    np.testing.assert_allclose(depth[index("Thorax")], 115, atol=0.2)
    assert depth[index("Pelvis")] == 0
    crown_mm = 200 + 0.7 * (200 - 115)
    np.testing.assert_allclose(depth[index("Head_top")], crown_mm, atol=0.3)
    np.testing.assert_allclose(px[index("Head")], (102, 118 + (70 - 118) / 3))
    np.testing.assert_allclose(depth[index("Head")], 115 + (crown_mm - 115) / 3, atol=0.3)


def test_an_invisible_joint_is_unknown_and_so_is_what_hangs_on_it(tmp_path, arrays):
    arrays["joints"][0, LSP_14.index("R_Wrist"), 2] = 0
    samples = load(tmp_path, arrays)
    for name in ("R_Wrist", "R_Hand"):
        assert not samples.has_px[0, MUCO_21.index(name)]
        assert not samples.has_depth[0, MUCO_21.index(name)]
    assert samples.has_px[1].all()


def test_depth_is_dropped_where_the_teacher_is_elsewhere(tmp_path, arrays):
    torso = 65.0  # of the standing person
    near, far = 0.39 * torso, 0.41 * torso
    arrays["blazepose_landmarks"][0, BLAZEPOSE_INDEX["L_Ankle"], 0] += near
    arrays["blazepose_landmarks"][1, BLAZEPOSE_INDEX["L_Ankle"], 0] += far
    samples = load(tmp_path, arrays)
    ankle, toe = MUCO_21.index("L_Ankle"), MUCO_21.index("L_Toe")
    assert samples.has_depth[:, ankle].tolist() == [True, False, True]
    assert samples.has_px[:, ankle].all()
    assert samples.has_px[:, toe].tolist() == [True, False, True]


def test_a_teacher_that_sees_nobody_teaches_nothing(tmp_path, arrays):
    arrays["blazepose_presence"][1] = 0.2
    samples = load(tmp_path, arrays)
    assert not samples.has_depth[1].any()
    assert samples.has_px[1, MUCO_21.index("L_Hip")]
    assert samples.has_px[1, MUCO_21.index("Head")]


def test_a_crown_has_no_depth_where_the_ears_were_found_elsewhere(tmp_path, arrays):
    arrays["blazepose_landmarks"][1, 7:9, 0] += 40
    samples = load(tmp_path, arrays)
    for name in ("Head", "Head_top"):
        assert samples.has_depth[:, MUCO_21.index(name)].tolist() == [True, False, True]
        assert samples.has_px[:, MUCO_21.index(name)].all()


def test_the_split_goes_by_the_last_digit(tmp_path, arrays):
    train, validation = split(load_lspet(tmp_path))
    assert [train.samples.image_name(i) for i in range(2)] == ["im00009.jpg", "im00011.jpg"]
    assert len(train.samples) == 2
    assert validation.samples.image_name(0) == "im00010.jpg"
    assert len(validation.samples) == 1


def test_boxes_are_the_squares_to_crop(tmp_path, arrays):
    samples = load(tmp_path, arrays)
    x, y, width, height = samples.boxes_xywh[0]
    assert width == height
    # 220 px of joints, enlarged by 1.2, clipped as the original does, widened by 1.25.
    assert height == pytest.approx(1.25 * (1.2 * 220 - 1))
    assert (x + width / 2, y + height / 2) == pytest.approx((102, 180), abs=1)
    assert samples.image_size(0) == (200, 320)


def test_torso_length_needs_all_four_joints(tmp_path, arrays):
    arrays["joints"][2, LSP_14.index("L_Hip"), 2] = 0
    samples = load(tmp_path, arrays)
    length = torso_length_px(samples.keypoints_px, samples.has_px)
    np.testing.assert_allclose(length, [65, 65, np.nan])


@pytest.mark.parametrize("content", ["text", "short", "pickle", None])
def test_files_that_are_no_labels_are_refused(tmp_path, arrays, content):
    path = tmp_path / "lspet-train.npz"
    path.unlink()
    if content == "text":
        path.write_text("hello")
    elif content == "short":
        np.savez(path, file_name=arrays["file_name"])
    elif content == "pickle":
        np.savez(path, **{**arrays, "file_name": np.array([{}], dtype=object)})
    with pytest.raises(UserError, match=r"lspet-train\.npz"):
        load_lspet(tmp_path)


def test_a_photograph_without_a_person_is_named(tmp_path, arrays):
    arrays["joints"][1, :, 2] = 0
    with pytest.raises(UserError, match=r"im00010\.jpg"):
        load(tmp_path, arrays)
