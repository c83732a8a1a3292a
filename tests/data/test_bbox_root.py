"""Files of detected boxes and roots, and test sets made of them."""

import json

import numpy as np
import pytest

from mobilehumanpose.data.bbox_root import (
    BoxRoots,
    find_bbox_root,
    read_bbox_root,
    with_boxes,
    write_bbox_root,
)
from mobilehumanpose.data.mupots import load_mupots, mupots_bbox_root
from mobilehumanpose.errors import UserError


def boxes_of(image_ids, scores=None):
    count = len(image_ids)
    return BoxRoots(
        image_ids=np.array(image_ids, np.int64),
        boxes_xywh=np.arange(1.0, 1 + 4 * count).reshape(count, 4),
        roots_mm=np.arange(3.0 * count).reshape(count, 3),
        scores=np.full(count, np.nan) if scores is None else np.array(scores, float),
    )


def test_what_is_written_is_read_back(tmp_path):
    written = boxes_of([3, 3, 8], scores=[0.5, np.nan, 1])
    write_bbox_root(tmp_path / "b.json", written)
    found = read_bbox_root(tmp_path / "b.json")
    for name in ("image_ids", "boxes_xywh", "roots_mm", "scores"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
    entries = json.loads((tmp_path / "b.json").read_text())
    assert entries[1] == {"image_id": 3, "bbox": [5, 6, 7, 8], "root_cam": [3, 4, 5]}


def test_nothing_is_written_of_boxes_that_are_not_finite(tmp_path):
    boxes = boxes_of([1])
    boxes.roots_mm[0, 2] = np.nan
    with pytest.raises(UserError, match="roots_mm of box 0"):
        write_bbox_root(tmp_path / "b.json", boxes)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"image_id": 1, "bbox": [0, 0, 1, 1]}, "field 'root_cam' is missing"),
        ({"image_id": 1, "bbox": [0, 0, 1, 0], "root_cam": [0, 0, 1]}, "height are positive"),
        ({"image_id": 1, "bbox": [0, 0, 1], "root_cam": [0, 0, 1]}, "'bbox' is of size 3"),
        ({"image_id": "x", "bbox": [0, 0, 1, 1], "root_cam": [0, 0, 1]}, "'image_id' is 'x'"),
        ({"image_id": 1, "bbox": [0, 0, 1, 1], "root_cam": [0, 0, 1], "score": []}, "'score'"),
        (7, "one of its detections is 7"),
    ],
)
def test_entries_that_are_wrong_are_named(tmp_path, entry, message):
    (tmp_path / "b.json").write_text(json.dumps([entry]))
    with pytest.raises(UserError, match=message):
        read_bbox_root(tmp_path / "b.json")


def test_people_are_the_boxes_as_they_are_and_in_their_order(miniature):
    dataset = load_mupots(miniature("mupots"))
    boxes = boxes_of([5, 0, 5])
    found = with_boxes(dataset.samples, boxes, "b.json")
    assert found.image_ids[found.image_index].tolist() == [5, 0, 5]
    np.testing.assert_array_equal(found.boxes_xywh, boxes.boxes_xywh)
    np.testing.assert_array_equal(found.roots_mm, boxes.roots_mm)
    assert not found.has_px.any()
    assert not found.has_depth.any()
    assert found.image_names is dataset.samples.image_names


def test_a_box_of_no_image_is_refused(miniature):
    samples = load_mupots(miniature("mupots")).samples
    with pytest.raises(UserError, match=r"detection number 1 .*'image_id' is 99"):
        with_boxes(samples, boxes_of([5, 99]), "b.json")


def test_one_box_per_image_leaves_out_other_frames_and_misses_none(miniature):
    samples = load_mupots(miniature("mupots")).samples
    every = list(range(len(samples.image_names)))
    found = with_boxes(samples, boxes_of([99, *every]), "b.json", one_per_image=True)
    assert found.image_ids[found.image_index].tolist() == every
    with pytest.raises(UserError, match="image_id 0: has 0 boxes; one is right"):
        with_boxes(samples, boxes_of(every[1:]), "b.json", one_per_image=True)
    with pytest.raises(UserError, match="image_id 3: has 2 boxes"):
        with_boxes(samples, boxes_of([3, *every]), "b.json", one_per_image=True)


def test_the_file_is_found_by_both_of_its_names(tmp_path):
    folder = tmp_path / "MuPoTS" / "bbox_root"
    folder.mkdir(parents=True)
    assert mupots_bbox_root(tmp_path).name == "bbox_root_mupots_output.json"
    (folder / "bbox_mupots_output.json").touch()
    assert mupots_bbox_root(tmp_path).name == "bbox_mupots_output.json"
    (folder / "bbox_root_mupots_output.json").touch()
    assert find_bbox_root(folder, ["a", "bbox_root_mupots_output.json"]).is_file()
    assert mupots_bbox_root(tmp_path).name == "bbox_root_mupots_output.json"
