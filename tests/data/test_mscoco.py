"""COCO's files, on a miniature and on photographs of the set itself."""

import json

import numpy as np
import pytest

from mobilehumanpose.data.check import check_dataset
from mobilehumanpose.data.mscoco import (
    load_mscoco_test,
    load_mscoco_train,
    load_mscoco_validation,
)
from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import COCO_19, MUPOTS_17


def train_json(root):
    return root / "MSCOCO/annotations/person_keypoints_train2017.json"


def test_crowds_and_people_without_joints_are_left_out(miniature):
    samples = load_mscoco_train(miniature("mscoco")).samples
    assert samples.skeleton is COCO_19
    assert len(samples) == 12
    assert not samples.has_depth.any()
    assert np.isnan(samples.cameras).all()
    assert samples.image_name(0) == "train2017/000000000000.jpg"


@pytest.mark.parametrize(
    ("flags", "known"), [((2, 2), True), ((1, 2), True), ((0, 2), False), ((0, 0), False)]
)
def test_thorax_and_pelvis_lie_midway_where_both_sides_are_known(miniature, edit, flags, known):
    root = miniature("mscoco")

    def label(content):
        keypoints = np.array(content["annotations"][0]["keypoints"], float).reshape(17, 3)
        keypoints[[5, 6]] = [[60, 50, flags[0]], [40, 56, flags[1]]]  # shoulders
        keypoints[[11, 12]] = [[61, 100, flags[0]], [41, 110, flags[1]]]  # hips
        content["annotations"][0]["keypoints"] = keypoints.ravel().tolist()

    edit(train_json(root), label)
    samples = load_mscoco_train(root).samples
    assert samples.has_px[0, 17:].tolist() == [known, known]
    expected = [[50, 53], [51, 105]] if known else [[0, 0], [0, 0]]
    assert samples.keypoints_px[0, 17:].tolist() == expected


def test_what_is_wrong_is_named(miniature, edit):
    root = miniature("mscoco")
    edit(train_json(root), lambda c: c["annotations"][3].update(keypoints=[1, 2, 3]))
    with pytest.raises(UserError, match="annotation 3: field 'keypoints' is of size 3; 51 numbers"):
        load_mscoco_train(root)


def test_images_of_the_validation_set_stay_where_nobody_is_labelled(miniature, edit):
    root = miniature("mscoco")
    path = root / "MSCOCO/annotations/person_keypoints_val2017.json"

    def empty_an_image(content):
        content["annotations"] = [a for a in content["annotations"] if a["image_id"] != 102]

    edit(path, empty_an_image)
    samples = load_mscoco_validation(root).samples
    assert samples.skeleton is COCO_19
    assert samples.image_ids.tolist() == [100, 101, 102, 103, 104, 105]
    assert len(samples) == 10
    assert samples.has_px[:, 17:].any()


def test_the_test_set_is_what_was_detected(miniature):
    samples = load_mscoco_test(miniature("mscoco")).samples
    assert samples.skeleton is MUPOTS_17
    assert len(samples) == 12
    assert samples.image_name(0) == "val2017/000000000100.jpg"
    assert samples.cameras[0].tolist() == [1500, 1500, 100, 100]
    assert samples.roots_mm[:2, 2].tolist() == [20000, 22000]
    assert not samples.has_px.any()


def test_photographs_of_the_set_can_be_read(shared_dir, tmp_path):
    source = shared_dir / "data" / "samples" / "coco"
    if not source.is_dir():
        pytest.skip(f"{source}: not here")
    (tmp_path / "MSCOCO").mkdir()
    (tmp_path / "MSCOCO" / "images").symlink_to(source)
    (tmp_path / "MSCOCO" / "annotations").symlink_to(source / "annotations")
    report = check_dataset("mscoco", tmp_path, parts=["train"])
    assert not report.problems
    samples = load_mscoco_train(tmp_path).samples
    people = [
        person
        for person in json.loads(train_json(tmp_path).read_text())["annotations"]
        if not person["iscrowd"] and person["num_keypoints"]
    ]
    skipped = len(report.handled)
    assert len(samples) == len(people) - skipped
    assert samples.has_px[:, :17].sum() >= sum(p["num_keypoints"] for p in people) - 17 * skipped
    low, size = samples.boxes_xywh[:, None, :2], samples.boxes_xywh[:, None, 2:]
    inside = ((samples.keypoints_px >= low) & (samples.keypoints_px <= low + size)).all(-1)
    assert inside[samples.has_px].mean() > 0.98  # COCO's boxes are of what is seen
