"""Poses as JSON and back."""

import dataclasses
import json

import numpy as np
import pytest

from mobilehumanpose import Pose
from mobilehumanpose.errors import UserError
from mobilehumanpose.results import poses_from_json, poses_to_json
from mobilehumanpose.skeleton import MUCO_21


def as_text(*poses: Pose) -> str:
    return poses_to_json(poses, image_name="a.jpg", image_size=(640, 480), model="m")


def test_there_and_back(pose):
    (back,) = poses_from_json(as_text(pose), "a.json")
    for field in ("keypoints_px", "keypoints_mm", "root_relative_mm", "box_xywh"):
        np.testing.assert_allclose(getattr(back, field), getattr(pose, field), atol=0.0051)
    np.testing.assert_allclose(back.scores, pose.scores, atol=6e-5)
    assert (back.camera, back.camera_is_assumed, back.skeleton) == (pose.camera, True, MUCO_21)
    assert poses_from_json(as_text(), "a.json") == []


def test_numbers_that_are_not_finite_are_not_written(pose):
    broken = dataclasses.replace(pose, scores=np.full(21, np.nan))
    with pytest.raises(UserError, match="person 1: scores"):
        as_text(pose, broken)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("format",), "other", "format"),
        (("format_version",), 99, "format_version is 99"),
        (("people",), {}, "people"),
        (("people", 0, "joint_set"), "wings", "wings"),
        (("people", 0, "keypoints_mm"), [[1, 2, 3]], "keypoints_mm"),
        (("people", 0, "scores"), ["high"] * 21, "person 0"),
        (("people", 0, "camera"), {"is_assumed": True}, "focal_px"),
        (("people", 0, "camera", "focal_px"), [0, 1], "focal_px"),
        (("people", 0, "camera", "focal_px"), [1, 2, 3], "focal_px"),
        (("people", 0, "camera", "focal_px"), [10**400, 1], "camera with"),
        (("people", 0, "camera", "is_assumed"), "no", "is_assumed"),
        (("people", 0), 5, "person 0: is 5, no object"),
        (("people", 0, "joint_names"), 5, "joint_names"),
        (("people", 0, "joint_names"), list(MUCO_21.joint_names[::-1]), "joint_names"),
        (("people", 0, "scores"), [99] * 21, "scores"),
        (("people", 0, "scores"), [10**400] * 21, "person 0"),
        (("people", 0, "track_id"), "me", "track_id"),
    ],
)
def test_what_is_wrong_is_named(pose, path, value, named):
    document = json.loads(as_text(pose))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UserError, match=named):
        poses_from_json(json.dumps(document), "a.json")


def test_a_file_that_is_no_json():
    with pytest.raises(UserError, match=r"a\.json: no JSON"):
        poses_from_json("{", "a.json")
