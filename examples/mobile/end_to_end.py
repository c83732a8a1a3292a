"""A photograph through a model: this package's answer beside that of the TypeScript code.

The TypeScript code runs in Node with ONNX Runtime for WebAssembly, both from npm:

    npm ci --prefix examples/mobile/typescript
    npm run build --prefix examples/mobile/typescript
    python examples/mobile/end_to_end.py
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from mobilehumanpose import PoseEstimator
from mobilehumanpose.decode import (
    PEAK_SIGMA,
    PEAK_SQUARINGS,
    SCORE_RADIUS,
    SURE_MASS,
    place_in_camera,
)
from mobilehumanpose.geometry import (
    DEFAULT_FOV_DEGREES,
    Camera,
    crop_affine,
    process_bbox,
    warp_crop,
)
from mobilehumanpose.media import load_photo
from mobilehumanpose.views import View, look, search_squares
from mobilehumanpose.weights import DEFAULT_MODEL, model_path

HERE = Path(__file__).parent
#: The astronaut, within the photo.
BOX = (30.0, 5, 400, 505)


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a bundled model, or an .onnx file")
    parser.add_argument("--photo", type=Path, default=HERE.parent / "astronaut.jpg")
    parser.add_argument("--box", type=float, nargs=4, default=BOX, metavar=("X", "Y", "W", "H"))
    arguments = parser.parse_args()
    compare(model_path(arguments.model), arguments.photo, np.array(arguments.box))


def compare(file: Path, photo_path: Path, box_xywh: np.ndarray) -> None:
    """Look at the box, at the box turned, and where a person would be searched."""
    photo = load_photo(photo_path)
    size = (photo.shape[1], photo.shape[0])
    square = process_bbox(box_xywh, size)
    if square is None:
        raise SystemExit(f"box {box_xywh.tolist()} lies outside {photo_path}")
    views = [View(square), View(square, 40.0), *map(View, search_squares(size))]
    estimator = PoseEstimator(file)
    answer = node_answer(estimator, file, photo, views)

    camera = Camera.from_fov(DEFAULT_FOV_DEGREES, size)
    skeleton = estimator.network.skeleton
    cell_px = estimator.network.description.input_px / estimator.network.description.grid[0]
    print(f"{'view':>32}  {'px of crop':>10}  {'mm':>15}  scores")
    print(f"{'x, y, side, turned by':>32}  {'mean':>4}  {'max':>4}  {'mean':>6}  {'max':>7}  max")
    for view, found, sight in zip(
        views, answer["looks"], look(estimator.network, photo, views), strict=True
    ):
        expected_mm = place_in_camera(
            sight.keypoints_px,
            sight.depth_mm - sight.depth_mm[skeleton.root],
            sight.scores,
            skeleton=skeleton,
            camera=camera,
        )
        crop_px_per_px = estimator.network.description.input_px / view.square_xywh[2]
        off_px = distance(found["keypointsPx"], sight.keypoints_px) * crop_px_per_px
        # Around the root: how far away somebody stands follows from all joints at once.
        found_mm = np.array(found["keypointsMm"])
        root = skeleton.root
        off_mm = distance(found_mm - found_mm[root], expected_mm - expected_mm[root])
        off_score = np.abs(found["scores"] - sight.scores).max()
        x, y, side, _ = view.square_xywh
        print(
            f"{x:8.0f} {y:7.0f} {side:7.0f} {view.lean_degrees:7.0f}  "
            f"{off_px.mean():4.2f}  {off_px.max():4.2f}  "
            f"{off_mm.mean():6.2f}  {off_mm.max():7.2f}  {off_score:.3f}"
        )
    print(f"One cell is {cell_px:.0f} px of the crop.")
    for what, off_px in other_samplings(estimator, photo, views[0]).items():
        print(f"Crops by {what}, in the first view: joints move by {off_px:.1f} px on average.")
    print("Median in ms:", {k: round(v, 2) for k, v in answer["median_ms"].items()})


def other_samplings(estimator: PoseEstimator, photo: np.ndarray, view: View) -> dict[str, float]:
    """How far simpler ways to cut a crop move the joints, in px of the crop."""
    side = estimator.network.description.input_px
    affine = crop_affine(view.square_xywh, side)
    crops = {
        "warp_crop": warp_crop(photo, affine, side),
        "bilinear sampling alone": cv2.warpAffine(photo, affine, (side, side)),
        "the means of samples of docs/mobile.md's Dart": mean_of_samples(photo, affine, side),
    }
    cells, _ = estimator.network(np.stack(list(crops.values())))
    xy = cells[..., :2] * (side / estimator.network.description.grid[0])
    off = {what: float(distance(xy[i], xy[0]).mean()) for i, what in enumerate(crops)}
    del off["warp_crop"]
    return off


def mean_of_samples(photo: np.ndarray, affine: np.ndarray, side: int) -> np.ndarray:
    """Each pixel the mean of n × n bilinear samples, n by what the crop shrinks by from 2 on."""
    step = 1 / np.sqrt(np.linalg.det(affine[:, :2]))
    n = int(np.ceil(step)) if step >= 2 else 1
    finer = n * affine + [[0, 0, (n - 1) / 2]]
    samples = cv2.warpAffine(photo, finer, (side * n, side * n))
    return np.rint(samples.reshape(side, n, side, n, 3).mean(axis=(1, 3))).astype(np.uint8)


def distance(first: object, second: object) -> np.ndarray:
    """(J,) between two sets of points."""
    return np.linalg.norm(np.asarray(first) - np.asarray(second), axis=-1)


def node_answer(estimator: PoseEstimator, file: Path, photo: np.ndarray, views: list[View]) -> dict:
    """What the TypeScript code sees in the views."""
    with tempfile.TemporaryDirectory() as folder:
        request, answer = Path(folder, "request.json"), Path(folder, "answer.json")
        rgb, described = Path(folder, "photo.rgb"), Path(folder, "model.json")
        rgb.write_bytes(photo.tobytes())
        described.write_text(json.dumps(model_json(estimator, file)))
        fields = {
            "model_file": str(file.resolve()),
            "model_json": str(described),
            "rgb": str(rgb),
            "width": photo.shape[1],
            "height": photo.shape[0],
            "fov_degrees": DEFAULT_FOV_DEGREES,
            "views": [[*view.square_xywh.tolist(), view.lean_degrees] for view in views],
        }
        request.write_text(json.dumps(fields))
        command = ["node", str(HERE / "typescript" / "end_to_end.mjs"), str(request), str(answer)]
        subprocess.run(command, check=True)  # noqa: S603
        return json.loads(answer.read_text())


def model_json(estimator: PoseEstimator, file: Path) -> dict:
    """The JSON of the bundled model, whose description lies inside its file."""
    description, skeleton = estimator.network.description, estimator.network.skeleton
    content = file.read_bytes()
    side = description.input_px
    return {
        "format": "mobilehumanpose-model",
        "format_version": 1,
        "name": description.name,
        "file": file.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "input": {
            "name": "image",
            "shape": [1, side, side, 3],
            "layout": "NHWC",
            "dtype": "uint8",
            "color": "RGB",
            "mean": [0, 0, 0],
            "std": [1, 1, 1],
        },
        "outputs": [
            {"name": "cells", "shape": [1, skeleton.num_joints, 3], "meaning": "cells"},
            {"name": "scores", "shape": [1, skeleton.num_joints], "meaning": "scores"},
        ],
        "grid_cells": list(description.grid),
        "depth_range_mm": description.depth_range_mm,
        "position": description.position,
        "peak_sigma_cells": PEAK_SIGMA * description.grid[0],
        "peak_power": 2**PEAK_SQUARINGS,
        "score_radius_cells": SCORE_RADIUS * description.grid[0],
        "score_sure_mass": SURE_MASS,
        "joints": list(skeleton.joint_names),
        "edges": [list(edge) for edge in skeleton.edges],
        "flip_pairs": [list(pair) for pair in skeleton.flip_pairs],
        "root": "Pelvis",
    }


if __name__ == "__main__":
    main()
