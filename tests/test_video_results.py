"""A video's poses in a file, and back."""

import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mobilehumanpose import UserError
from mobilehumanpose.video import VideoInfo
from mobilehumanpose.video_results import video_poses_from_json, video_poses_writer

INFO = VideoInfo(
    path=Path("clip.mp4"),
    size=(640, 480),
    frame_rate=Fraction(30000, 1001),
    time_base_s=Fraction(1, 30000),
    num_frames=3,
)


def write(path, frames) -> None:
    with video_poses_writer(path, INFO, "model") as add:
        for time_s, poses in frames:
            add(time_s, poses)


def test_poses_come_back_as_they_were_written(tmp_path, pose):
    path = tmp_path / "clip.json"
    first = replace(pose, track_id=0, time_s=0.0)
    second = replace(pose, track_id=1, time_s=1001 / 15000, scores=pose.scores / 2)
    write(path, [(0.0, [first]), (1001 / 30000, []), (1001 / 15000, [second])])
    text = path.read_text()
    frames = video_poses_from_json(text, "clip.json")
    assert [len(poses) for _, poses in frames] == [1, 0, 1]
    np.testing.assert_allclose([t for t, _ in frames], np.arange(3) * 1001 / 30000, atol=1e-6)
    for original, (read,) in ((first, frames[0][1]), (second, frames[2][1])):
        assert read.track_id == original.track_id
        assert read.time_s == pytest.approx(original.time_s, abs=1e-6)
        assert read.camera == original.camera
        assert read.camera_is_assumed
        assert read.skeleton == original.skeleton
        np.testing.assert_allclose(read.keypoints_px, original.keypoints_px, atol=0.005)
        np.testing.assert_allclose(read.keypoints_mm, original.keypoints_mm, atol=0.005)
        np.testing.assert_allclose(read.scores, original.scores, atol=1e-4)
    document = json.loads(text)
    assert document["video"] == "clip.mp4"
    assert document["image_size_px"] == [640, 480]
    assert document["frame_rate"] == pytest.approx(29.97, abs=0.001)
    assert text.count('"joint_names"') == 1
    assert len(text.splitlines()) == 5  # a line for each frame, one before and one after


def test_a_video_without_anybody_is_a_file_too(tmp_path):
    path = tmp_path / "clip.json"
    write(path, [(0.0, []), (0.5, [])])
    assert video_poses_from_json(path.read_text(), "a") == [(0.0, []), (0.5, [])]


def test_a_number_that_is_none_leaves_no_file(tmp_path, pose):
    broken = replace(pose, keypoints_px=pose.keypoints_px * np.nan)
    with pytest.raises(UserError, match="keypoints_px"):
        write(tmp_path / "clip.json", [(0.0, [pose]), (0.1, [broken])])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": "mobilehumanpose-poses"}, "'format'"),
        ({"format_version": 99}, "99"),
        ({"frames": 3}, "'frames'"),
        ({"frames": [{"time_s": 0}]}, "frame 0: field 'people'"),
        ({"frames": [{"time_s": "x", "people": []}]}, "time_s is 'x'"),
        ({"frames": [{"time_s": True, "people": []}]}, "time_s is True"),
        ({"frames": [{"time_s": float("nan"), "people": []}]}, "time_s is nan"),
        ({"frames": [{"time_s": 10**400, "people": []}]}, "time_s is 1000"),
        ({"frames": [{"time_s": t, "people": []} for t in (0, 2, 1)]}, "frame 2: time_s is 1"),
        ({"frames": [{"time_s": 0, "people": [5]}]}, "frame 0: person 0: is 5"),
        ({"frames": [{"time_s": 0, "people": [{}]}]}, "frame 0: person 0: lacks"),
        ({"shared": []}, "'shared'"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, pose, change, named):
    path = tmp_path / "clip.json"
    write(path, [(0.0, [pose])])
    document = json.loads(path.read_text()) | change
    with pytest.raises(UserError, match=f"clip.json.*{named}"):
        video_poses_from_json(json.dumps(document), "clip.json")
    with pytest.raises(UserError, match="no JSON"):
        video_poses_from_json(path.read_text()[:-5], "clip.json")
