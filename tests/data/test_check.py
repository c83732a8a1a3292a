"""Checks of datasets: all that is wrong, with file and id."""

import cv2
import numpy as np
import pytest

from mobilehumanpose.data.check import check_dataset, format_report
from mobilehumanpose.data.miniature import MINIATURES
from mobilehumanpose.data.mpii import load_mpii
from mobilehumanpose.errors import UserError


@pytest.mark.parametrize("name", MINIATURES)
def test_nothing_is_wrong_with_a_miniature(miniature, name):
    seen = []
    report = check_dataset(name, miniature(name), progress=lambda *count: seen.append(count))
    assert report.is_usable
    assert not report.problems
    assert not report.unchecked
    assert all(part.num_people for part in report.parts)
    total = seen[-1][1]
    assert seen == [(done, total) for done in range(1, total + 1)]
    assert f"{name} can be used." in format_report(report)


def test_everything_that_is_wrong_is_found_at_once(miniature, edit):
    root = miniature("mpii")

    def spoil(content):
        content["annotations"][0].pop("keypoints")
        content["annotations"][1]["bbox"] = [1, 2, float("nan"), 4]
        content["annotations"][2]["bbox"] = [900, 900, 10, 10]
        content["images"][3]["file_name"] = "../secret.jpg"

    edit(root / "MPII/annotations/train.json", spoil)
    images = root / "MPII/images"
    (images / "000000004.jpg").unlink()
    cv2.imwrite(str(images / "000000005.jpg"), np.zeros((10, 20, 3), np.uint8))
    (images / "000000006.jpg").write_text("no picture")
    report = check_dataset("mpii", root)
    assert not report.is_usable
    found = [(problem.file.name, problem.where) for problem in report.problems]
    assert sorted(found) == [
        ("000000004.jpg", "image 4"),
        ("000000005.jpg", "image 5"),
        ("000000006.jpg", "image 6"),
        ("train.json", "annotation 0"),
        ("train.json", "annotation 1"),
        ("train.json", "image 3"),
    ]
    assert [problem.where for problem in report.handled] == ["annotation 2"]
    assert report.parts[0].num_people == 4
    text = format_report(report)
    assert "is of 20×10 px; its annotation says 200×200" in text
    assert "mpii train: 4 people in 4 images" in text
    assert "cannot be used" in text


def test_the_first_problem_found_is_the_one_that_loading_stops_at(miniature, edit):
    root = miniature("mpii")

    def spoil(content):
        for person in content["annotations"]:
            person["keypoints"] = person["keypoints"][:-1]

    edit(root / "MPII/annotations/train.json", spoil)
    report = check_dataset("mpii", root)
    with pytest.raises(UserError) as error:
        load_mpii(root)
    assert str(error.value) == str(report.problems[0])
    assert len(report.problems) == 9  # each person, and that nobody is left


def test_files_that_are_missing_are_all_named(tmp_path):
    report = check_dataset("human36m", tmp_path)
    files = {problem.file.name for problem in report.problems}
    for subject in (1, 5, 6, 7, 8, 9, 11):
        for kind in ("data", "camera", "joint_3d"):
            assert f"Human36M_subject{subject}_{kind}.json" in files
    assert len(report.unchecked) == 2


def test_detections_are_checked_where_there_are_any(miniature):
    root = miniature("mupots")
    file = root / "MuPoTS/bbox_root/bbox_root_mupots_output.json"
    file.write_text('[{"image_id": 77, "bbox": [0, 0, 9, 9], "root_cam": [0, 0, 1]}]')
    report = check_dataset("mupots", root)
    assert any("'image_id' is 77" in problem.message for problem in report.problems)
    file.unlink()
    report = check_dataset("mupots", root)
    assert report.is_usable
    assert "test-detected: there is no" in report.unchecked[0]
    assert not check_dataset("mupots", root, parts=["test-detected"]).is_usable


def test_what_is_handled_does_not_keep_from_use(miniature, edit):
    root = miniature("human36m")

    def to_centres(cameras):
        for camera in cameras.values():
            camera["t"] = (-np.array(camera["R"]).T @ camera["t"]).tolist()

    edit(root / "Human36M/annotations/Human36M_subject9_camera.json", to_centres)
    report = check_dataset("human36m", root)
    assert report.is_usable
    assert len(report.handled) == 4
    assert "converted by t = −R·C" in format_report(report)


def test_a_dataset_without_a_reader_that_collects_tells_the_first(tmp_path):
    report = check_dataset("lspet", tmp_path)
    assert "lspet-train.npz" in report.problems[0].message


def test_long_lists_are_cut_in_text_only(tmp_path, miniature, edit):
    root = miniature("mpii")
    edit(
        root / "MPII/annotations/train.json",
        lambda content: [person.pop("bbox") for person in content["annotations"]],
    )
    report = check_dataset("mpii", root)
    text = format_report(report, limit=3)
    assert text.count("field 'bbox' is missing") == 3
    assert "train.json: and 5 more" in text
    assert len(report.problems) == 9
