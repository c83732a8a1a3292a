"""What ``mhp bench`` does."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import UserError
from ..geometry import Camera, crop_affine, square_to_crop, warp_crop
from ..media import load_photo, make_folder, write_file
from ..runtime import MAX_THREADS
from ..weights import bundled_models, model_path
from ..weights.catalogue import preset_names
from .candidates import BLAZEPOSE_SIZES, Candidate, Scene, blazepose_candidate, our_candidate
from .clock import time_in_turns
from .report import markdown, summary, svg
from .runtimes import runtimes_for

#: The picture that is drawn where no photograph is given, and the person's box in it.
DRAWN_SIZE = (1280, 720)
DRAWN_BOX = (400.0, 60.0, 300.0, 600.0)
FOV_DEGREES = 55.0


def bench(
    models: Sequence[str],
    *,
    runtimes: Sequence[str],
    num_threads: int,
    rounds: int,
    blazepose: Path | None,
    photo: Path | None,
    box: Sequence[float] | None,
    out: Path,
    say: Callable[[str], object],
) -> str:
    """Time models from a photograph to joints, and write ``bench.md``, ``.json`` and ``.svg``.

    Args:
        models: names of bundled models, model files, and presets (``lpski-xs``,
            ``lpski-xs:relu6``, ``lpski-xs:relu6:int8``), which get random weights.
        runtimes: that run them; each file's own if there are none.
        num_threads: of every network.
        rounds: that count.
        blazepose: folder of MediaPipe's ``pose_landmark_*.tflite`` to compare with.
        photo: to cut from; without it a picture of noise of 1280×720 px.
        box: xywh px of the person in the photo; without it all of the photo.
        out: folder of the results.
        say: is told what is being done.

    Returns:
        The table, in Markdown.

    Raises:
        UserError: a model, a runtime or an option cannot be used.
    """
    if not 1 <= num_threads <= MAX_THREADS:
        raise UserError(f"--threads {num_threads}: 1 to {MAX_THREADS} are possible")
    if rounds < 1:
        raise UserError(f"--rounds {rounds}: at least 1 is needed")
    scene = _scene(photo, box)
    with tempfile.TemporaryDirectory() as folder:
        chosen = []
        for model in models:
            path, name = _model_file(model, Path(folder), scene, say)
            chosen += [(path, runtime, name) for runtime in runtimes_for(path, list(runtimes))]
        candidates: list[Candidate] = [
            our_candidate(path, runtime, scene, num_threads, name=name)
            for path, runtime, name in chosen
        ]
    if blazepose is not None:
        candidates += [
            blazepose_candidate(blazepose, size, scene, num_threads) for size in BLAZEPOSE_SIZES
        ]
    if not candidates:
        raise UserError("nothing to time: name a model, or give --blazepose")
    make_folder(out)
    say(f"{rounds} rounds of {len(candidates)}")
    cv2.setNumThreads(num_threads)
    figures = summary(
        candidates, time_in_turns(candidates, rounds), _conditions(num_threads, rounds, scene)
    )
    table = markdown(figures)
    write_file(out / "bench.md", table.encode())
    write_file(out / "bench.json", (json.dumps(figures, indent=1) + "\n").encode())
    write_file(out / "bench.svg", svg(figures).encode())
    return table


def _scene(photo: Path | None, box: Sequence[float] | None) -> Scene:
    if photo is None:
        if box is not None:
            raise UserError("--box goes with --photo")
        shape = (DRAWN_SIZE[1], DRAWN_SIZE[0], 3)
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        box = DRAWN_BOX
    else:
        pixels = load_photo(photo)
    size = (pixels.shape[1], pixels.shape[0])
    square = square_to_crop((0, 0, *size) if box is None else box, size, "--box")
    return Scene(photo=pixels, square_xywh=square, camera=Camera.from_fov(FOV_DEGREES, size))


def _model_file(
    model: str, folder: Path, scene: Scene, say: Callable[[str], object]
) -> tuple[Path, str | None]:
    """The file of a model, and what to call it if not by its own name."""
    preset, *options = model.split(":")
    if model in bundled_models():
        return model_path(model), None
    if preset not in preset_names():
        path = Path(model)
        if not path.suffix:
            raise UserError(
                f"unknown model {model!r}: name a file, one of {', '.join(bundled_models())}, "
                f"or a preset, for random weights: {', '.join(preset_names())}"
            )
        return path, path.name
    for package in ("torch", "onnx"):
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"{model}: to give a preset random weights takes {package}: "
                "pip install 'mobilehumanpose[export]'"
            )
    from ..models.network import INPUT_PX
    from .fresh import write_fresh

    activations = [option for option in options if option != "int8"]
    if len(activations) > 1:
        raise UserError(f"{model}: one activation is possible, not {' and '.join(activations)}")
    activation = activations[0] if activations else None
    say(f"{model}: a network with random weights is made")
    path = folder / f"{model.replace(':', '-')}.onnx"
    crop = warp_crop(scene.photo, crop_affine(scene.square_xywh, INPUT_PX), INPUT_PX)
    write_fresh(path, preset, activation, calibration=crop[None] if "int8" in options else None)
    return path, f"{model}, random"


def _conditions(num_threads: int, rounds: int, scene: Scene) -> dict[str, Any]:
    height, width = scene.photo.shape[:2]
    return {
        "threads": num_threads,
        "rounds": rounds,
        "photograph": f"{width}×{height} px",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
    }


def _processor() -> str:
    """Its name where the system tells it, else its architecture."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
