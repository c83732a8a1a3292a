"""Files of predictions: round trips, files of other tools, and damaged ones."""

import json

import numpy as np
import pytest
import scipy.io

from mobilehumanpose.errors import UserError
from mobilehumanpose.evaluate.human36m import HUMAN36M_17
from mobilehumanpose.evaluate.prediction_files import (
    read_human36m_json,
    read_json,
    write_human36m_json,
    write_json,
)
from mobilehumanpose.evaluate.prediction_mats import read_mat, write_mat
from mobilehumanpose.skeleton import COCO_19, HUMAN36M_18, LSP_14, MUCO_21, MUPOTS_17

NAMES = ["TS1/img_000007.jpg", "TS20/img_000000.jpg", "TS2/img_000010.jpg"]
ARRAYS = ("image_index", "keypoints_px", "keypoints_mm", "scores")


@pytest.fixture
def mupots(make_people, make_samples):
    return make_samples(make_people(3, 17), MUPOTS_17, image_names=NAMES)


@pytest.fixture
def human36m(make_people, make_samples):
    return make_samples(make_people(3, 18), HUMAN36M_18)


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "preds_2d_kpt_mupots.mat", tmp_path / "preds_3d_kpt_mupots.mat"


def test_mat_files_as_matlab_finds_them(paths, mupots, make_people, make_predictions):
    people = make_people(3, 21, 3)
    write_mat(*paths, mupots, make_predictions(people, MUCO_21, [2, 0, 2]), kind="mupots")
    for path, shape in zip(paths, ((17, 2), (17, 3)), strict=True):
        variables = scipy.io.loadmat(path)
        sizes = {name: v.shape for name, v in variables.items() if not name.startswith("__")}
        assert sizes == {
            "TS1_img_000007": (1, *shape),
            "TS20_img_000000": (0, *shape),  # there, though nobody is
            "TS2_img_000010": (2, *shape),
        }
    np.testing.assert_allclose(variables["TS2_img_000010"], people[[0, 2], :17])


def test_mat_files_come_back(paths, mupots, make_people, make_predictions):
    predictions = make_predictions(make_people(4, 17, 3), MUPOTS_17, [0, 2, 2, 2])
    for kind in ("mupots", "coco"):
        write_mat(*paths, mupots, predictions, kind=kind)
        back = read_mat(*paths, mupots, kind=kind)
        for name in ARRAYS:
            np.testing.assert_allclose(getattr(back, name), getattr(predictions, name))
        assert back.is_absolute
    assert "coco_000000000102" in scipy.io.loadmat(paths[0])
    nobody = make_predictions(np.zeros((0, 17, 3)), MUPOTS_17)
    write_mat(*paths, mupots, nobody, kind="mupots")
    assert len(read_mat(*paths, mupots, kind="mupots")) == 0


def test_mat_files_of_the_original(paths, mupots):
    # It leaves out images without people; MATLAB itself writes [] as 0 × 0.
    rng = np.random.default_rng(0)
    px, mm = rng.random((2, 17, 2)).astype(np.float32), rng.random((2, 17, 3)).astype(np.float32)
    scipy.io.savemat(paths[0], {"TS20_img_000000": px, "TS1_img_000007": np.zeros((0, 0))})
    scipy.io.savemat(paths[1], {"TS20_img_000000": mm})
    predictions = read_mat(*paths, mupots, kind="mupots")
    assert predictions.image_index.tolist() == [1, 1]
    np.testing.assert_array_equal(predictions.keypoints_px, px)
    np.testing.assert_array_equal(predictions.keypoints_mm, mm)
    assert predictions.scores.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"TS1_img_000008": np.ones((1, 17, 3))}, "3d.*'TS1_img_000008' is no image"),
        ({"TS1_img_000007": np.ones((1, 18, 3))}, r"3d.*TS1_img_000007.*\(1, 18, 3\).*N × 17 × 3"),
        ({"TS1_img_000007": np.ones((17, 3))}, r"3d.*TS1_img_000007.*\(17, 3\)"),
        ({"TS1_img_000007": np.full((1, 17, 3), np.inf)}, "3d.*TS1_img_000007.*not finite"),
        ({"TS1_img_000007": np.ones((2, 17, 3))}, "3d.*TS1_img_000007.*2 people.*2d.* 1"),
        ({"TS1_img_000007": "text"}, "3d.*TS1_img_000007"),
        ({}, "3d.*TS1_img_000007.*0 people"),
    ],
)
def test_mat_files_that_do_not_fit_are_refused_in_one_line(changed, message, paths, mupots):
    scipy.io.savemat(paths[0], {"TS1_img_000007": np.ones((1, 17, 2))})
    scipy.io.savemat(paths[1], changed)
    with pytest.raises(UserError, match=message) as caught:
        read_mat(*paths, mupots, kind="mupots")
    assert "\n" not in str(caught.value)


def test_mat_files_hold_absolute_positions_only(paths, mupots, make_people, make_predictions):
    relative = make_predictions(make_people(1, 17), MUPOTS_17, is_absolute=False)
    with pytest.raises(UserError, match="root-relative"):
        write_mat(*paths, mupots, relative, kind="mupots")
    assert not paths[0].exists()


def test_the_json_of_human36m(tmp_path, human36m, make_people, make_predictions):
    path = tmp_path / "bbox_root_pose_human36m_output.json"
    order = [2, 0, 1]
    predictions = make_predictions(make_people(3, 18, 3), HUMAN36M_18, order)
    write_human36m_json(path, human36m, predictions)
    entries = json.loads(path.read_text())
    assert [entry["image_id"] for entry in entries] == [100, 101, 102]
    assert set(entries[0]) == {"image_id", "joint_cam", "bbox", "root_cam"}
    assert entries[0]["bbox"] == [100, 110, 300, 300]
    mine = predictions.keypoints_mm[1]  # of image 0
    np.testing.assert_allclose(entries[0]["root_cam"], mine[0], atol=1e-3)
    np.testing.assert_allclose(entries[0]["joint_cam"], mine[:17] - mine[0], atol=1e-3)

    back = read_human36m_json(path, human36m)
    assert back.skeleton is HUMAN36M_17
    np.testing.assert_allclose(back.keypoints_mm[0], mine[:17], atol=2e-3)
    np.testing.assert_allclose(back.keypoints_px[0], predictions.keypoints_px[1, :17], atol=2e-3)


def entry(**changes):
    fields = {"image_id": 101, "joint_cam": [[0, 0, 0]] * 17, "root_cam": [0.5, 0, 4000]}
    return fields | changes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nothing", "no JSON"),
        ("{}", "no list"),
        (json.dumps([entry(), entry(image_id=7)]), "entry 1: image_id 7 is no image"),
        (json.dumps([{"joint_cam": 1}]), "entry 0: image_id None"),
        (json.dumps([entry(joint_cam=[[0, 0, 0]] * 18)]), r"entry 0: joint_cam.*\(18, 3\).*17 × 3"),
        (json.dumps([entry(joint_cam=[[0, 0]] + [[0, 0, 0]] * 16)]), "entry 0: joint_cam"),
        (json.dumps([entry(root_cam=[0, 0, float("nan")])]), "entry 0: root_cam.*not finite"),
        (json.dumps([entry(root_cam=["a", 0, 0])]), "entry 0: root_cam"),
        (json.dumps([entry(root_cam=[0, 0, -1])]), r"entry 0: 1\.jpg.*behind the camera"),
        (
            json.dumps([{"image_id": 100, "joint_cam": [[0] * 3] * 17}]),
            "lacks the field 'root_cam'",
        ),
    ],
)
def test_human36m_json_that_does_not_fit_is_refused_in_one_line(
    content, message, tmp_path, human36m
):
    path = tmp_path / "preds.json"
    path.write_text(content)
    with pytest.raises(UserError, match=rf"preds\.json: .*{message}|{message}") as caught:
        read_human36m_json(path, human36m)
    assert "preds.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("skeleton", [HUMAN36M_17, MUCO_21, COCO_19, LSP_14])
def test_plain_json_comes_back(skeleton, tmp_path, human36m, make_people, make_predictions):
    path = tmp_path / "predictions.json"
    predictions = make_predictions(
        make_people(4, skeleton.num_joints, 3),
        skeleton,
        [1, 0, 1, 1],
        scores=np.array([0.25, 1, 0.5, 0]),
        is_absolute=False,
        uses_true_roots=True,
    )
    write_json(path, human36m, predictions)
    back = read_json(path, human36m)
    assert back.skeleton == skeleton
    assert (back.is_absolute, back.uses_true_roots) == (False, True)
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(back, name), getattr(predictions, name), atol=1e-3)


def plain(**changes):
    fields = {
        "format": "mobilehumanpose-predictions",
        "format_version": 1,
        "joint_names": ["Tail", "Pelvis"],
        "is_absolute": True,
        "uses_true_roots": False,
        "people": [
            {
                "image_id": 102,
                "score": 1,
                "keypoints_px": [[1, 2], [3, 4]],
                "keypoints_mm": [[1, 2, 3], [4, 5, 6]],
            }
        ],
    }
    return fields | changes


def test_plain_json_of_another_tool_with_joints_of_its_own(tmp_path, human36m):
    path = tmp_path / "other.json"
    path.write_text(json.dumps(plain()))
    predictions = read_json(path, human36m)
    assert predictions.skeleton.joint_names == ("Tail", "Pelvis")
    assert predictions.skeleton.root == 1
    assert predictions.image_index.tolist() == [2]
    path.write_text(json.dumps(plain(people=[])))
    assert len(read_json(path, human36m)) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "'format'"),
        ({"format_version": 2}, "format_version is 2"),
        ({"joint_names": ["a", "a"]}, "'joint_names'"),
        ({"joint_names": "ab"}, "'joint_names'"),
        ({"joint_names": ["a", "b", "c"]}, r"entry 0: keypoints_px.*\(2, 2\).*3 × 2"),
        ({"is_absolute": 1}, "'is_absolute' is 1"),
        ({"people": {}}, "'people'"),
        ({"people": ["x"]}, "entry 0: image_id None"),
        ({"people": [{"image_id": 102, "keypoints_px": [[1, 2]] * 2}]}, "'keypoints_mm'"),
    ],
)
def test_plain_json_that_does_not_fit_is_refused_in_one_line(changes, message, tmp_path, human36m):
    path = tmp_path / "preds.json"
    path.write_text(json.dumps(plain(**changes)))
    with pytest.raises(UserError, match=rf"preds\.json: .*{message}") as caught:
        read_json(path, human36m)
    assert "\n" not in str(caught.value)


def test_nothing_is_written_that_could_not_be_read(
    tmp_path, human36m, make_people, make_predictions
):
    path = tmp_path / "preds.json"
    joints = make_people(3, 18)
    joints[1, 2, 0] = np.nan
    for write in (write_json, write_human36m_json):
        with pytest.raises(UserError, match=r"1\.jpg.*not finite"):
            write(path, human36m, make_predictions(joints, HUMAN36M_18))
    human36m.image_ids[2] = 100
    with pytest.raises(UserError, match="both 100"):
        write_json(path, human36m, make_predictions(make_people(3, 18), HUMAN36M_18))
    assert not path.exists()
