"""Frames a second of ``mhp predict`` on a 720p video, and where the time goes.

    python benchmarks/video_speed.py [--model NAME_OR_FILE] [--photo FILE | --video FILE]

Without ``--video`` it makes its own clip: a photograph over a moving background, 30 frames a
second of H.264. The whole is what the command does, from file to overlay and JSON. The stages are
measured one after the other, on one thread, as time of the processor, of which a busy machine
changes less. An untrained ``lpski-xs`` to compare with is made by

    python benchmarks/video_speed.py --make-xs FILE.onnx

and measured with ``--untrained``, which takes every answer for a person, as it would have a score.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from mobilehumanpose import PoseEstimator, tracking
from mobilehumanpose.draw import draw_poses
from mobilehumanpose.media import load_photo
from mobilehumanpose.predict_video import predict_video
from mobilehumanpose.video import VideoInfo, VideoReader, video_writer
from mobilehumanpose.video_results import video_poses_writer
from mobilehumanpose.views import View, look
from mobilehumanpose.weights import DEFAULT_MODEL

PHOTOGRAPHER = Path(__file__).parents[1] / "examples" / "photographer.jpg"
WIDTH, HEIGHT, RATE = 1280, 720, 30
#: Frames on which each stage is measured.
STAGE_FRAMES = 60


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--photo", type=Path, default=PHOTOGRAPHER)
    parser.add_argument("--video", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--untrained", action="store_true")
    parser.add_argument("--make-xs", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.make_xs:
        make_xs(arguments.make_xs)
        return
    if arguments.untrained:
        tracking.KEEP_SCORE = tracking.FIND_SCORE = 0.0
    estimator = PoseEstimator(arguments.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = arguments.video or make_clip(folder / "clip.mp4", arguments.photo, arguments.seconds)
        reader = VideoReader(path)
        info = reader.info
        print(f"{path.name}: {info.size[0]}×{info.size[1]} px; {os.cpu_count()} cores")
        print(f"{arguments.model}: the whole, frames a second; processor's time a frame")
        for _ in range(arguments.rounds):
            started, used = time.perf_counter(), time.process_time()
            targets = {kind: folder / f"out.{kind}" for kind in ("mp4", "json")}
            summary = predict_video(estimator, reader, targets, model=arguments.model)
            passed, used = time.perf_counter() - started, time.process_time() - used
            print(
                f"  {summary.num_frames / passed:6.1f}   {used / summary.num_frames * 1000:.1f} ms"
                f"   (a person in {summary.num_with_person} of {summary.num_frames})"
            )
        measure_stages(reader, arguments.model, folder)


def measure_stages(reader: VideoReader, model: str, folder: Path) -> None:
    """Print what each stage takes by itself."""
    info = reader.info
    estimator = PoseEstimator(model, num_threads=1)
    frames = list(islice(reader, STAGE_FRAMES))
    side = float(info.size[1])
    view = View(np.array([(info.size[0] - side) / 2, 0, side, side]))
    poses = [poses for _, poses in estimator.follow(frames)]
    images = [frame.image_rgb for frame in frames]
    print("Stages alone, processor's time a frame in ms")
    nothing: Callable[[], object] = tuple
    report("decode, to RGB", (nothing for _ in islice(reader, STAGE_FRAMES)))
    report("crop and network", [partial(look, estimator.network, i, [view]) for i in images])
    report("draw", [partial(draw_poses, *pair) for pair in zip(images, poses, strict=True)])
    with video_writer(folder / "stage.mp4", info) as write:
        report("to YUV, encode", [partial(write, *frame) for frame in frames])
    with video_poses_writer(folder / "stage.json", info, "none") as add:
        pairs = zip(frames, poses, strict=True)
        report("JSON", [partial(add, frame.time_s, found) for frame, found in pairs])


def report(name: str, steps: Iterable[Callable[[], object]]) -> None:
    """Print the median over the steps, the making of each included."""
    times = []
    before = time.process_time()
    for step in steps:
        step()
        now = time.process_time()
        times.append(now - before)
        before = now
    print(f"  {name:<17} {np.median(times) * 1000:6.2f}")


def make_clip(path: Path, photo_file: Path, seconds: float) -> Path:
    """The photograph moves over a background that moves, too."""
    photo = cv2.resize(load_photo(photo_file), (HEIGHT, HEIGHT))
    rough = np.random.default_rng(0).integers(0, 256, (9, 32, 3), dtype=np.uint8)
    scene = cv2.resize(rough, (2 * WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    info = VideoInfo(
        path=path,
        size=(WIDTH, HEIGHT),
        frame_rate=Fraction(RATE),
        time_base_s=Fraction(1, RATE),
        num_frames=None,
    )
    with video_writer(path, info) as write:
        for number in range(round(seconds * RATE)):
            image = np.ascontiguousarray(np.roll(scene, -2 * number, axis=1)[:, :WIDTH], np.uint8)
            x = round((WIDTH - HEIGHT) / 2 * (1 + np.sin(number / RATE)))
            image[:, x : x + HEIGHT] = photo
            write(image, number / RATE)
    return path


def make_xs(path: Path) -> None:
    """Export a ``lpski-xs`` of random weights, with ReLU6; needs the extras train and export."""
    from mobilehumanpose.bench.fresh import write_fresh

    write_fresh(path, "lpski-xs", "relu6")


if __name__ == "__main__":
    main()
