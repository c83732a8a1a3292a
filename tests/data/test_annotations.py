"""Annotation files: what is read, and how what is wrong with them is told."""

import json

import numpy as np
import pytest

from mobilehumanpose.data.annotations import (
    MISSING,
    Problem,
    Table,
    find_fault,
    leaves_folder,
    read_coco,
    read_json,
    refuse,
)
from mobilehumanpose.errors import UserError
from mobilehumanpose.geometry import process_bbox


def table(tmp_path, rows, problems=None):
    return Table(tmp_path / "a.json", "image", rows, refuse if problems is None else problems)


def test_columns_come_out_as_arrays(tmp_path):
    images = table(
        tmp_path,
        [
            {"id": 7, "width": 10, "height": 20, "f": [1, 2], "c": [3, 4.5], "file_name": "a.jpg"},
            {"id": 9, "width": 30, "height": 40, "f": [5, 6], "c": [7, 8], "file_name": "b/é.jpg"},
        ],
    )
    assert images.ids.tolist() == [7, 9]
    assert images.image_sizes().tolist() == [[10, 20], [30, 40]]
    assert images.cameras("f", "c").tolist() == [[1, 2, 3, 4.5], [5, 6, 7, 8]]
    assert [name.decode() for name in images.file_names()] == ["a.jpg", "b/é.jpg"]
    assert images.numbers("score", default=0.5).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("value", "shape", "message"),
    [
        (MISSING, (4,), "is missing; 4 numbers needed"),
        (None, (), "is None; a number needed"),
        ("12", (), "is '12'; a number needed"),
        ([1, 2, 3], (4,), "is of size 3; 4 numbers needed"),
        ([[1, 2], [3]], (2, 2), r"is \[\[1, 2\], \[3\]\]; 2 × 2 numbers needed"),
        ([1, float("nan")], (2,), "not finite"),
        ([1, float("inf")], (2,), "not finite"),
        ([1, 10**400], (2,), "2 numbers needed"),
        ([[1, "2"], [3, 4]], (2, 2), "2 × 2 numbers needed"),
    ],
)
def test_a_value_that_is_not_the_numbers_wanted_is_named(tmp_path, value, shape, message):
    rows = [{"id": 3, "x": np.ones(shape).tolist()}, {"id": 5}]
    if value is not MISSING:
        rows[1]["x"] = value
    with pytest.raises(UserError, match=rf"a\.json: image 5: field 'x' .*{message}"):
        table(tmp_path, rows).numbers("x", shape)
    assert find_fault(np.ones(shape).tolist(), shape) is None


def test_all_problems_are_told_when_they_are_collected(tmp_path):
    problems = []
    rows = [{"id": 1, "x": 1}, {"id": 2, "x": "a"}, {"id": 3}, {"id": 4, "x": 4}]
    images = table(tmp_path, rows, problems.append)
    assert images.numbers("x").tolist() == [1, 0, 0, 4]
    assert images.ok.tolist() == [True, False, False, True]
    assert [problem.where for problem in problems] == ["image 2", "image 3"]
    assert images.numbers("y").tolist() == [0, 0, 0, 0]
    assert len(problems) == 4  # rows 2 and 3 are not told of again


@pytest.mark.parametrize("bad", [-1, 1.5, "7", None, 2**60])
def test_ids_are_whole_numbers(tmp_path, bad):
    with pytest.raises(UserError, match="image number 1 in the file: field 'id'"):
        table(tmp_path, [{"id": 0}, {"id": bad}])


def test_each_id_is_there_once(tmp_path):
    problems = []
    images = table(tmp_path, [{"id": 4}, {"id": 5}, {"id": 4}], problems.append)
    assert images.ok.tolist() == [True, True, False]
    assert "image 4: field 'id' is that of an earlier one" in str(problems[0])


@pytest.mark.parametrize(
    "name",
    ["../a.jpg", "/etc/passwd", "a/../../b.jpg", "C:\\a.jpg", "..\\a.jpg", "\\\\host\\a", "C:a"],
)
def test_file_names_that_leave_their_folder_are_refused(tmp_path, name):
    assert leaves_folder(name)
    with pytest.raises(UserError, match="which leaves its folder"):
        table(tmp_path, [{"id": 1, "file_name": name}]).file_names()


@pytest.mark.parametrize("name", ["", None, 3, "a\x00.jpg", "a\n.jpg"])
def test_file_names_are_names(tmp_path, name):
    with pytest.raises(UserError, match="field 'file_name' is"):
        table(tmp_path, [{"id": 1, "file_name": name}]).file_names()


def test_usual_file_names_stay_in_their_folder():
    assert not any(map(leaves_folder, ["a.jpg", "a/b/c.jpg", "a..b.jpg", "TS1/img_000001.jpg"]))


def test_sizes_and_focal_lengths_are_positive(tmp_path):
    row = {"id": 1, "width": 0, "height": 5, "f": [-1, 1], "c": [0, 0]}
    with pytest.raises(UserError, match="field 'width' is 0; at least 1 px"):
        table(tmp_path, [row]).image_sizes()
    with pytest.raises(UserError, match=r"field 'f' is \[-1, 1\]; focal lengths are positive"):
        table(tmp_path, [row]).cameras("f", "c")


def test_references_find_their_rows_in_any_order(tmp_path):
    images = table(tmp_path, [{"id": 30}, {"id": 10}, {"id": 20}])
    people = table(tmp_path, [{"id": i, "image_id": i} for i in (10, 20, 30)])
    assert people.refer_to("image_id", images).tolist() == [1, 2, 0]
    with pytest.raises(UserError, match="field 'image_id' is 11; there is no such image"):
        table(tmp_path, [{"id": 1, "image_id": 11}]).refer_to("image_id", images)
    with pytest.raises(UserError, match="no such image"):
        people.refer_to("image_id", table(tmp_path, []))


def test_people_of_a_refused_image_go_without_a_word(tmp_path):
    problems = []
    images = table(tmp_path, [{"id": 1, "x": "no"}, {"id": 2, "x": 2}], problems.append)
    images.numbers("x")
    people = table(tmp_path, [{"id": 1, "image_id": 1}, {"id": 2, "image_id": 2}], problems.append)
    people.refer_to("image_id", images)
    assert people.ok.tolist() == [False, True]
    assert len(problems) == 1


def test_boxes_follow_process_bbox_and_useless_ones_are_skipped(tmp_path):
    problems = []
    boxes = [[10, 20, 30, 50], [10, 20, 0, 50], [500, 20, 30, 50], [-20, -20, 60, 60]]
    people = table(tmp_path, [{"id": i, "bbox": box} for i, box in enumerate(boxes)])
    people._on_problem = problems.append
    found = people.crop_boxes(np.full((4, 2), 100, np.int32))
    assert people.ok.tolist() == [True, False, False, True]
    assert all(problem.is_handled for problem in problems)
    assert len(problems) == 2
    for at in (0, 3):
        np.testing.assert_allclose(found[at], process_bbox(np.array(boxes[at]), (100, 100)))
    refuse(problems[0])  # loading goes on


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"", b"[" * 100000])
def test_files_that_are_no_json_are_refused(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json: no JSON"):
        read_json(path, refuse)
    with pytest.raises(UserError, match=r"b\.json: cannot be read"):
        read_json(tmp_path / "b.json", refuse)


@pytest.mark.parametrize(
    "content", [[], {"images": []}, {"images": {}, "annotations": []}, {"images": [1]}]
)
def test_files_in_another_layout_are_refused(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"a\.json: .*(list|object) is right"):
        read_coco(path, refuse)
    problems = []
    images, annotations = read_coco(path, problems.append)
    assert len(images) == len(annotations) == 0
    assert problems


def test_a_problem_reads_as_one_line(tmp_path):
    problem = Problem(file=tmp_path, where="image 1", message="is odd")
    assert str(problem) == f"{tmp_path}: image 1: is odd"
