"""What ``mhp predict`` does: photographs and videos in, files of poses out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, ProgressColumn, Task

from .errors import UserError
from .estimator import PoseEstimator
from .geometry import Camera
from .results import Pose
from .skeleton import Skeleton

PHOTO_RESULTS = ("jpg", "json", "html", "csv")
VIDEO_RESULTS = ("mp4", "json", "csv", "trc", "bvh")
#: What is written when nothing is asked for.
USUAL_RESULTS = ("jpg", "mp4", "json", "html")


def predict_files(
    sources: Sequence[Path],
    out: Path,
    *,
    model: str,
    fov: float | None,
    box: Sequence[str] | None,
    stature: float,
    formats: Sequence[str] | None,
    threads: int | None,
    closely: bool | None,
    console: Console,
) -> None:
    """Find people's poses in files and write what is asked for.

    Args:
        sources: photographs and videos, or folders of them.
        out: folder for the results; is made.
        model: a bundled model, or the path of an ``.onnx`` file.
        fov: field of view across the longer side, in degrees; the usual one when None.
        box: people's boxes in the one photograph, ``x,y,width,height`` in px each.
        stature: standing height of the people, in metres.
        formats: files to write, each text some of them separated by commas; the usual ones when
            None.
        threads: of the network.
        closely: whether to take further looks; only at photographs when None.
        console: where progress and results are told.

    Raises:
        UserError: a file cannot be read or written; of several files, after all others are done.
    """
    from .media import PHOTO_SUFFIXES, VIDEO_SUFFIXES, find_files, make_folder

    what = "photograph or video"
    files = list(dict.fromkeys(find_files(sources, PHOTO_SUFFIXES + VIDEO_SUFFIXES, what)))
    videos = {path for path in files if path.suffix.lower() in VIDEO_SUFFIXES}
    photo_formats, video_formats = _parse_formats(
        formats, has_photos=len(videos) < len(files), has_videos=bool(videos)
    )
    boxes = [parse_box(text) for text in box] if box else None
    if boxes and (len(files) > 1 or videos):
        what = "there are videos" if videos else f"there are {len(files)}"
        raise UserError(f"--box describes one photograph, but {what}")
    _refuse_same_names(files)
    estimator = PoseEstimator(
        model, stature_mm=stature * 1000, num_threads=threads, closely=closely
    )
    make_folder(out)
    failures: list[str] = []
    columns = (*Progress.get_default_columns(), _SpeedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Files", total=len(files), visible=len(files) > 1)
        for path in files:
            try:
                if path in videos:
                    line = _predict_video(
                        estimator, path, out, video_formats, model=model, fov=fov, progress=progress
                    )
                else:
                    line = _predict_photo(
                        estimator, path, out, photo_formats, model=model, fov=fov, boxes=boxes
                    )
            except UserError as error:
                if len(files) == 1:
                    raise
                failures.append(str(error))  # the other files are still worth having
            else:
                console.print(line, soft_wrap=True)
            progress.advance(task)
    if failures:
        lines = "\n".join(failures)
        what = "files" if videos else "photographs"
        raise UserError(f"{len(failures)} of {len(files)} {what} failed:\n{lines}")


class _SpeedColumn(ProgressColumn):
    """Frames a second, of a video's bar."""

    def render(self, task: Task) -> str:
        if task.speed is None or not task.fields.get("counts_frames"):
            return ""
        return f"{task.speed:.0f} frames/s"


def _predict_photo(
    estimator: PoseEstimator,
    path: Path,
    out: Path,
    wanted: list[str],
    *,
    model: str,
    fov: float | None,
    boxes: list[list[float]] | None,
) -> str:
    """Write a photograph's results, and say what came out."""
    from .media import load_photo

    photo = load_photo(path)
    size = (photo.shape[1], photo.shape[0])
    camera = None if fov is None else Camera.from_fov(fov, size)
    poses = estimator(photo, boxes, camera)
    written = _write_results(
        path, photo, poses, out, wanted, model=model, skeleton=estimator.network.skeleton
    )
    files = ", ".join(map(str, written))
    if not poses:
        return f"{path}: nobody was found (--box x,y,width,height shows where) → {files}"
    scores = ", ".join(f"{pose.scores.mean():.2f}" for pose in poses)
    who = "1 person" if len(poses) == 1 else f"{len(poses)} people"
    return f"{path}: {who} (mean score {scores}) → {files}"


def _predict_video(
    estimator: PoseEstimator,
    path: Path,
    out: Path,
    wanted: list[str],
    *,
    model: str,
    fov: float | None,
    progress: Progress,
) -> str:
    """Write a video's results, and say what came out and how fast."""
    from .predict_video import predict_video
    from .video import VideoReader

    reader = VideoReader(path)
    targets = {kind: _target(path, out, kind) for kind in wanted}
    camera = None if fov is None else Camera.from_fov(fov, reader.info.size)
    task = progress.add_task(escape(path.name), total=reader.info.num_frames, counts_frames=True)
    started = time.perf_counter()
    try:
        summary = predict_video(
            estimator,
            reader,
            targets,
            model=model,
            camera=camera,
            progress=lambda: progress.advance(task),
        )
    finally:
        progress.remove_task(task)
    speed = summary.num_frames / (time.perf_counter() - started)
    written = ", ".join(map(str, targets.values()))
    if summary.damage:
        raise UserError(f"{summary.damage}; the {summary.num_frames} before are in {written}")
    return (
        f"{path}: {summary.num_frames} frames at {speed:.0f} a second, a person in "
        f"{summary.num_with_person} (mean score {summary.mean_score:.2f}) → {written}"
    )


def _parse_formats(
    texts: Sequence[str] | None, *, has_photos: bool, has_videos: bool
) -> tuple[list[str], list[str]]:
    """The files to write for each photograph, and for each video."""
    if not texts:
        usual = [kind for kind in PHOTO_RESULTS if kind in USUAL_RESULTS]
        return usual, [kind for kind in VIDEO_RESULTS if kind in USUAL_RESULTS]
    parts = [part.strip().lower() for text in texts for part in text.split(",")]
    names = list(dict.fromkeys(part for part in parts if part))
    choices = dict.fromkeys(PHOTO_RESULTS + VIDEO_RESULTS)
    if not names:
        raise typer.BadParameter(f"--format is empty: choose of {', '.join(choices)}")
    for name in names:
        if name not in choices:
            raise typer.BadParameter(f"--format {name!r}: choose of {', '.join(choices)}")
    kinds = (("photographs", has_photos, PHOTO_RESULTS), ("videos", has_videos, VIDEO_RESULTS))
    for name in names:
        if not any(is_there and name in results for _, is_there, results in kinds):
            what = "a video" if has_videos else "a photograph"
            raise UserError(f"--format {name}: not to be had of {what}")
    for what, is_there, results in kinds:
        if is_there and not set(names) & set(results):
            raise UserError(
                f"--format {','.join(names)}: of {what}, {','.join(results)} can be written"
            )
    first, second = ([name for name in names if name in results] for _, _, results in kinds)
    return first, second


def parse_box(text: str) -> list[float]:
    """The four numbers of ``x,y,width,height``.

    Raises:
        BadParameter: they are no four numbers.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise typer.BadParameter(f"--box {text!r}: four numbers x,y,width,height are needed")
    return numbers


def _refuse_same_names(files: list[Path]) -> None:
    stems: dict[str, Path] = {}
    for path in files:
        other = stems.setdefault(path.stem, path)
        if other is not path:
            raise UserError(
                f"{other} and {path} would write the same result files; "
                "predict them into different --out folders"
            )


def _write_results(
    path: Path,
    photo: np.ndarray,
    poses: list[Pose],
    out: Path,
    wanted: list[str],
    *,
    model: str,
    skeleton: Skeleton,
) -> list[Path]:
    from .draw import draw_poses
    from .media import encode_jpeg, write_file
    from .results import poses_to_json
    from .tables import csv_writer
    from .viewer import write_page

    targets = {kind: _target(path, out, kind) for kind in wanted}
    document = poses_to_json(
        poses, image_name=path.name, image_size=(photo.shape[1], photo.shape[0]), model=model
    )
    try:  # before anything is written
        overlay = encode_jpeg(draw_poses(photo, poses)) if "jpg" in wanted else b""
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    for kind, target in targets.items():
        if kind == "jpg":
            write_file(target, overlay)
        elif kind == "json":
            write_file(target, document.encode())
        elif kind == "csv":
            with csv_writer(target, skeleton) as add:
                add(None, poses)
        else:
            write_page(target, photo, document)
    return list(targets.values())


def _target(path: Path, out: Path, kind: str) -> Path:
    target = out / f"{path.stem}.{kind}"
    if target.is_dir():
        raise UserError(f"{target}: is a folder, and would have to be a file")
    if target.exists() and target.samefile(path):
        raise UserError(f"{target}: would overwrite its source; choose another --out")
    return target
