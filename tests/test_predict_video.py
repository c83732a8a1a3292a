"""A whole video, from file to files."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("av")
from video_clips import corner_images, write_clip

from mobilehumanpose import Camera, PoseEstimator, UserError
from mobilehumanpose.close_look import look_closely
from mobilehumanpose.geometry import project
from mobilehumanpose.media import load_photo
from mobilehumanpose.predict_video import FRAMES_BEHIND, predict_video
from mobilehumanpose.synth.bvh import parse_bvh
from mobilehumanpose.tracking import follow_person
from mobilehumanpose.video import Frame, VideoInfo, VideoReader
from mobilehumanpose.video_results import video_poses_from_json

ASTRONAUT = Path(__file__).parents[1] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def estimator() -> PoseEstimator:
    return PoseEstimator(num_threads=1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """The astronaut, who drifts a little, for 12 frames whose times are uneven."""
    photo = cv2.resize(load_photo(ASTRONAUT), (256, 256))
    images = [np.roll(photo, i, axis=1) for i in range(12)]
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    times = [100 * i + (7 if i == 5 else 0) for i in range(12)]
    return write_clip(
        path, images, times=times, time_base=Fraction(1, 3000), options={"movflags": "faststart"}
    )


def threads() -> set[str]:
    return {t.name for t in threading.enumerate()}


def test_tracking_yields_every_frame_and_its_pose(estimator, clip):
    before = threads()
    pairs = list(estimator.track(clip))
    assert len(pairs) == 12
    frames = list(VideoReader(clip))
    for (image, poses), frame in zip(pairs, frames, strict=True):
        np.testing.assert_array_equal(image, frame.image_rgb)
        (pose,) = poses
        assert pose.track_id == 0
        assert pose.time_s == frame.time_s
        assert pose.camera_is_assumed
        np.testing.assert_allclose(project(pose.keypoints_mm, pose.camera), pose.keypoints_px)
    assert threads() == before


def test_frames_are_looked_at_closely_if_asked_for(estimator, clip):
    closer = PoseEstimator(num_threads=1, closely=True)
    found = [poses[0] for _, poses in closer.track(clip, smooth=False)]
    followed = follow_person(closer.network, VideoReader(clip))
    for (image, (pose,)), close, seen in zip(
        estimator.track(clip, smooth=False), found, followed, strict=True
    ):
        np.testing.assert_array_equal(close.box_xywh, pose.box_xywh)  # followed all the same
        (expected,) = look_closely(closer.network, image, [seen.sight])
        np.testing.assert_allclose(close.keypoints_px, expected.keypoints_px, atol=0.01)
        assert np.abs(close.keypoints_px - pose.keypoints_px).max() > 0.1


def test_smoothing_only_smooths(estimator, clip):
    camera = Camera.from_fov(70, (256, 256))
    smooth = [poses[0] for _, poses in estimator.track(clip, camera)]
    raw = [poses[0] for _, poses in estimator.track(clip, camera, smooth=False)]
    np.testing.assert_allclose(smooth[0].keypoints_px, raw[0].keypoints_px)

    def jitter(poses) -> float:
        return float(np.abs(np.diff([p.keypoints_px for p in poses], axis=0)).mean())

    assert jitter(smooth) < jitter(raw)
    for one, other in zip(smooth, raw, strict=True):
        assert one.camera == camera
        np.testing.assert_array_equal(one.scores, other.scores)


def test_a_video_becomes_an_overlay_and_a_file_of_poses(estimator, clip, tmp_path):
    before = threads()
    reader = VideoReader(clip)
    targets = {kind: tmp_path / f"out.{kind}" for kind in ("mp4", "json")}
    steps = []
    summary = predict_video(estimator, reader, targets, model="m", progress=lambda: steps.append(1))
    assert (summary.num_frames, summary.num_with_person, len(steps)) == (12, 12, 12)
    assert summary.damage is None
    assert sorted(os.listdir(tmp_path)) == ["out.json", "out.mp4"]
    originals, overlays = list(reader), list(VideoReader(targets["mp4"]))
    times_s = [frame.time_s for frame in originals]
    assert [frame.time_s for frame in overlays] == pytest.approx(times_s)
    for original, overlay in zip(originals, overlays, strict=True):
        difference = np.abs(overlay.image_rgb.astype(int) - original.image_rgb).max(axis=2)
        assert 0.002 < (difference > 60).mean() < 0.5  # limbs, and the picture around them
    frames = video_poses_from_json(targets["json"].read_text(), "out.json")
    assert [time_s for time_s, _ in frames] == pytest.approx(times_s, abs=1e-6)
    assert threads() == before


def test_tables_of_a_video_hold_what_its_json_does(estimator, clip, tmp_path):
    targets = {kind: tmp_path / f"out.{kind}" for kind in ("json", "csv", "trc", "bvh")}
    predict_video(estimator, VideoReader(clip), targets, model="m")
    frames = video_poses_from_json(targets["json"].read_text(), "out.json")
    with targets["csv"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [line.split("\t") for line in targets["trc"].read_text().splitlines()][6:]
    motion = parse_bvh(targets["bvh"].read_text(), "out.bvh")
    assert len(rows) == len(lines) == len(frames) == len(motion.root_positions) == 12
    seen_mm = np.array([pose.keypoints_mm for _, (pose,) in frames])
    pelvis = frames[0][1][0].skeleton.index("Pelvis")
    np.testing.assert_allclose(
        motion.root_positions * (10, -10, -10), seen_mm[:, pelvis], atol=0.01
    )
    for (time_s, (pose,)), row, line in zip(frames, rows, lines, strict=True):
        assert float(row["time_s"]) == float(line[1]) == pytest.approx(time_s)
        pelvis_mm = pose.keypoints_mm[pose.skeleton.index("Pelvis")]
        assert [float(row[f"Pelvis_{axis}_mm"]) for axis in "xyz"] == pytest.approx(pelvis_mm)
        markers = np.array(line[2:], float).reshape(-1, 3)
        np.testing.assert_allclose(markers * (1, -1, -1), pose.keypoints_mm, atol=0.006)


def test_what_comes_before_damage_is_written(estimator, clip, tmp_path):
    path = tmp_path / "broken.mp4"
    content = clip.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    reader = VideoReader(path)
    targets = {kind: tmp_path / f"out.{kind}" for kind in ("mp4", "json")}
    summary = predict_video(estimator, reader, targets, model="m")
    assert summary.damage is not None
    assert 0 < summary.num_frames < 12
    assert len(list(VideoReader(targets["mp4"]))) == summary.num_frames
    with pytest.raises(UserError, match="broken.mp4"):
        list(estimator.track(path))


def test_a_failing_stage_leaves_no_file_and_no_thread(estimator, clip, tmp_path, monkeypatch):
    before = threads()
    targets = {kind: tmp_path / f"out.{kind}" for kind in ("mp4", "json")}
    calls = []

    def fail_later(image, poses):
        calls.append(1)
        if len(calls) == 4:
            raise OSError("no space left")
        return image

    monkeypatch.setattr("mobilehumanpose.predict_video.draw_poses", fail_later)
    with pytest.raises((OSError, UserError), match="no space left|cannot be written"):
        predict_video(estimator, VideoReader(clip), targets, model="m")
    assert os.listdir(tmp_path) == []
    assert threads() == before


class CountingReader:
    """Frames that count how many of them are alive."""

    damage = None

    def __init__(self, count: int) -> None:
        self.count = count
        self.alive: set[int] = set()
        self.most = 0
        self.info = VideoInfo(
            path=Path("counted.mp4"),
            size=(64, 48),
            frame_rate=Fraction(30),
            time_base_s=Fraction(1, 30),
            num_frames=None,
        )

    def __iter__(self):
        for number in range(self.count):
            image = np.zeros((48, 64, 3), np.uint8)
            self.alive.add(number)
            weakref.finalize(image, self.alive.discard, number)
            self.most = max(self.most, len(self.alive))
            yield Frame(image, number / 30)


def test_memory_does_not_grow_with_the_video(estimator, tmp_path):
    reader = CountingReader(150)
    targets = {kind: tmp_path / f"out.{kind}" for kind in ("mp4", "json")}
    assert predict_video(estimator, reader, targets, model="m").num_frames == 150
    # Those ahead, those looked at, those behind, and one in each hand.
    assert reader.most <= 4 + 2 + FRAMES_BEHIND + 6


def mhp(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mobilehumanpose", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_command_takes_photographs_and_videos(clip, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "film.mp4").write_bytes(clip.read_bytes())
    (folder / "photo.jpg").write_bytes(ASTRONAUT.read_bytes())
    (folder / "empty.mp4").touch()
    done = mhp("predict", folder, "--out", tmp_path / "out", "--fov", 60)
    assert done.returncode == 1
    assert "1 of 3 files failed" in done.stderr
    assert "empty.mp4: damaged" in done.stderr
    assert "12 frames at" in done.stdout
    assert sorted(os.listdir(tmp_path / "out")) == [
        "film.json", "film.mp4", "photo.html", "photo.jpg", "photo.json",
    ]  # fmt: skip
    (_, (pose,)), *_ = video_poses_from_json((tmp_path / "out/film.json").read_text(), "film")
    assert not pose.camera_is_assumed


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--format", "html"], "--format html: not to be had of a video"),
        (["--format", "json,jpg"], "--format jpg: not to be had of a video"),
        ([ASTRONAUT, "--format", "mp4"], "of photographs, jpg,json,html,csv can be written"),
        (["--box", "1,2,3,4"], "--box describes one photograph, but there are videos"),
        (["--model", "huge"], "unknown model"),
    ],
)
def test_what_cannot_be_had_of_a_video_is_told(clip, tmp_path, arguments, named):
    done = mhp("predict", clip, *arguments, "--out", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert named in done.stderr
    assert os.listdir(tmp_path) == []


def test_a_video_is_never_overwritten(clip, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(clip.read_bytes())
    done = mhp("predict", path, "--out", tmp_path)
    assert done.returncode == 1
    assert "would overwrite its source" in done.stderr
    assert os.listdir(tmp_path) == ["film.mp4"]
    assert path.read_bytes() == clip.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_file(tmp_path, interrupt):
    path = write_clip(tmp_path / "long.mp4", corner_images(1) * 6000)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "mobilehumanpose", "predict", str(path), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Whoever runs the tests behind a shell's & has them ignore interrupts, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        limit_s = time.monotonic() + 120
        while not (out.is_dir() and list(out.iterdir())):
            assert process.poll() is None
            assert time.monotonic() < limit_s
            time.sleep(0.05)
        process.send_signal(interrupt)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode not in (0, -signal.SIGKILL)
    assert b"Traceback" not in errors
    assert list(out.iterdir()) == []
