"""Makes golden.json: what the package itself answers to made-up input, for the apps' code to match.

Everything in it is synthetic: waves for pictures, random numbers for joints. Heat-maps and pictures
are given as formulas, see ``heatmaps`` and ``picture``, which each language repeats exactly.

    python examples/mobile/make_golden.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mobilehumanpose.decode import (
    PEAK_SIGMA,
    PEAK_SQUARINGS,
    POSITIONS,
    SCORE_RADIUS,
    SURE_MASS,
    cells_to_photo,
    place_in_camera,
)
from mobilehumanpose.geometry import (
    Camera,
    crop_affine,
    fit_translation,
    flip_points_px,
    invert_affine,
    process_bbox,
    project,
    warp_crop,
)
from mobilehumanpose.media import write_file
from mobilehumanpose.models.head import soft_argmax
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.tracking import (
    FIND_SCORE,
    KEEP_SCORE,
    MIN_SIDE_PX,
    TIGHT,
    framing_of,
    next_view,
)
from mobilehumanpose.upright import torso_lean_degrees
from mobilehumanpose.views import MAX_LEAN_DEGREES, Sight, View, search_squares

GOLDEN = Path(__file__).with_name("golden.json")
GRID = (32, 10, 6)
CROP_PX = 24
SURE_INDEX = 500
DEPTH_RANGE_MM = 2000.0
PHOTO = (640, 480)


def main() -> None:
    """Write the file."""
    write_file(GOLDEN, (json.dumps(golden(), indent=None, separators=(",", ":")) + "\n").encode())


def golden() -> dict[str, Any]:
    """All cases, as plain lists and numbers, positions to a millionth."""
    rng = np.random.default_rng(0)
    return {
        "model": model_json(),
        "boxes": [box_case(*case) for case in BOXES],
        "affines": [affine_case(*case) for case in AFFINES],
        "upright": [upright_case(degrees) for degrees in (0, 90, 180, 270)],
        "warps": [warp_case(*case) for case in WARPS],
        "yuv": yuv_case(rng),
        "input": input_case(),
        "heatmaps": heatmaps_case(),
        "photo": photo_case(rng),
        "cameras": [camera_case(55, (640, 480)), camera_case(70, (1080, 1920))],
        "translations": [translation_case(rng) for _ in range(3)],
        "placements": [placement_case(rng) for _ in range(4)],
        "searches": [search_case(size) for size in ((640, 480), (480, 640), (500, 500))],
        "thresholds": {
            "keep_score": KEEP_SCORE,
            "find_score": FIND_SCORE,
            "max_lean_degrees": MAX_LEAN_DEGREES,
            "min_side_px": MIN_SIDE_PX,
        },
        "next_views": [next_view_case(rng, *case) for case in NEXT_VIEWS],
        "portraits": [portrait_case(rng, *case) for case in PORTRAITS],
        "flips": flip_case(rng),
        "one_euro": one_euro_case(rng),
    }


def listed(values: object) -> Any:
    """As plain lists and numbers."""
    return np.round(np.asarray(values, dtype=np.float64), 6).tolist()


def model_json() -> dict[str, Any]:
    """A made-up model's JSON, with every field that exported models have."""
    width, height, depth = GRID
    return {
        "format": "mobilehumanpose-model",
        "format_version": 1,
        "name": "golden",
        "preset": "lpski-lite0",
        "file": "golden.tflite",
        "sha256": "0" * 64,
        "bytes": 0,
        "target": "litert",
        "precision": "float32",
        "output": "heatmaps",
        "input": {
            "name": "image",
            "shape": [1, 3, CROP_PX, CROP_PX],
            "layout": "NCHW",
            "dtype": "float32",
            "color": "RGB",
            "mean": [123.675, 116.28, 103.53],
            "std": [58.395, 57.12, 57.375],
        },
        "outputs": [
            {
                "name": "heatmaps",
                "shape": [1, MUCO_21.num_joints * depth, height, width],
                "meaning": "heatmaps",
            }
        ],
        "grid_cells": list(GRID),
        "depth_range_mm": DEPTH_RANGE_MM,
        "position": "mean",
        "peak_sigma_cells": PEAK_SIGMA * width,
        "peak_power": 2**PEAK_SQUARINGS,
        "score_radius_cells": SCORE_RADIUS * width,
        "score_sure_mass": SURE_MASS,
        "joint_set": MUCO_21.name,
        "joints": list(MUCO_21.joint_names),
        "edges": [list(edge) for edge in MUCO_21.edges],
        "flip_pairs": [list(pair) for pair in MUCO_21.flip_pairs],
        "root": "Pelvis",
        "decode": "made up",
        "parity": None,
        "licence": "Apache-2.0",
        "trained_on": "nothing",
    }


BOXES = [
    ((100.0, 50, 200, 300), PHOTO),
    ((-40.0, -30, 200, 100), PHOTO),
    ((500.0, 400, 300, 300), PHOTO),
    ((700.0, 50, 100, 100), PHOTO),
    ((10.5, 20.25, 1, 1), PHOTO),
    ((10.0, 20, 0, 40), PHOTO),
]


def box_case(box: tuple[float, ...], size: tuple[int, int]) -> dict[str, Any]:
    """A box and the square that is cropped for it; null where there is none."""
    square = process_bbox(np.array(box), size)
    return {
        "box": list(box),
        "size": list(size),
        "square": None if square is None else listed(square),
    }


AFFINES = [
    ((100.0, 50, 512, 512), 256, 0.0),
    ((-20.5, 31.25, 300, 300), 256, 37.0),
    ((10.0, 20, 90, 90), 192, -170.0),
]


def affine_case(box: tuple[float, ...], crop_px: int, degrees: float) -> dict[str, Any]:
    """A square and its map to the crop, there and back."""
    affine = crop_affine(np.array(box), crop_px, rotation_degrees=degrees)
    return {
        "box": list(box),
        "crop_px": crop_px,
        "degrees": degrees,
        "affine": listed(affine.ravel()),
        "inverse": listed(invert_affine(affine).ravel()),
    }


def upright_case(degrees: int) -> dict[str, Any]:
    """Where a sensor's pixels are once NumPy has turned its frame clockwise."""
    width, height = 7, 5
    numbered = np.arange(width * height).reshape(height, width)
    turned = np.rot90(numbered, -degrees // 90)
    sensor = [[0, 0], [6, 0], [2, 3]]
    found = [np.argwhere(turned == numbered[y, x])[0] for x, y in sensor]
    return {
        "degrees": degrees,
        "size": [width, height],
        "sensor": sensor,
        "upright": [[int(x), int(y)] for y, x in found],
    }


def picture(width: int, height: int) -> np.ndarray:
    """(H, W, 3) uint8: triangular waves, each |((5 + c)·x + (3 + 2c)·y + 90c) mod 510 − 255|."""
    x, y, c = np.meshgrid(np.arange(width), np.arange(height), np.arange(3), indexing="xy")
    return np.abs(((5 + c) * x + (3 + 2 * c) * y + 90 * c) % 510 - 255).astype(np.uint8)


# Size of the picture, square, turned by, crop. Enlarged; as it is; over the edge and turned;
# shrunk by bilinear sampling alone; by whole areas; by areas that are no whole number of pixels.
WARPS = [
    ((40, 30), (10.0, 5, 12, 12), 0.0, 24),
    ((40, 30), (4.0, 3, 24, 24), 0.0, 24),
    ((40, 30), (-7.5, 6, 30, 30), 33.0, 24),
    ((80, 60), (10.0, 4, 45, 45), -15.0, 24),
    ((160, 120), (20.0, 10, 96, 96), 0.0, 24),
    ((163, 121), (-9.0, 10, 131, 131), 70.0, 24),
]


def warp_case(
    size: tuple[int, int], box: tuple[float, ...], degrees: float, crop_px: int
) -> dict[str, Any]:
    """A crop of the picture, its bytes as hexadecimal text."""
    affine = crop_affine(np.array(box), crop_px, rotation_degrees=degrees)
    crop = warp_crop(picture(*size), affine, crop_px)
    return {
        "size": list(size),
        "crop_px": crop_px,
        "affine": listed(affine.ravel()),
        "crop": crop.tobytes().hex(),
    }


def yuv_case(rng: np.random.Generator) -> dict[str, Any]:
    """Full-range YUV 4:2:0 and its RGB by OpenCV, each chroma sample serving 2 × 2 pixels."""
    width, height = 8, 6
    y = rng.integers(0, 256, (height, width), dtype=np.uint8)
    u, v = rng.integers(0, 256, (2, height // 2, width // 2), dtype=np.uint8)
    full_u, full_v = (plane.repeat(2, axis=0).repeat(2, axis=1) for plane in (u, v))
    rgb = cv2.cvtColor(np.stack([y, full_v, full_u], axis=-1), cv2.COLOR_YCrCb2RGB)
    return {
        "size": [width, height],
        "y": y.ravel().tolist(),
        "u": u.ravel().tolist(),
        "v": v.ravel().tolist(),
        "rgb": rgb.ravel().tolist(),
    }


def input_case() -> dict[str, Any]:
    """The first pixels of a crop as the network's input, in the model's layout and scaling."""
    crop = picture(CROP_PX, CROP_PX).astype(np.float64)
    fields = model_json()["input"]
    scaled = (crop - fields["mean"]) / fields["std"]
    return {
        "nchw": listed(scaled.transpose(2, 0, 1)[:, 1, :5]),  # each channel's second row
        "sum": listed(scaled.sum()),
    }


def heatmaps() -> np.ndarray:
    """(1, J·D, H, W) float32: the value at flat index i is ((i · 7919) mod 1009)² / 2¹⁶.

    But at ``SURE_INDEX`` it is 60: the first joint is sure.
    """
    width, height, depth = GRID
    shape = (1, MUCO_21.num_joints * depth, height, width)
    index = np.arange(np.prod(shape), dtype=np.int64)
    values = ((index * 7919 % 1009) ** 2 / 2**16).astype(np.float32)
    values[SURE_INDEX] = 60
    return values.reshape(shape)


def heatmaps_case() -> dict[str, Any]:
    """What the soft-argmax head makes of them, for each way to read joints off them."""
    case: dict[str, Any] = {"sure_index": SURE_INDEX}
    for position in POSITIONS:
        found = soft_argmax(torch.from_numpy(heatmaps()), MUCO_21.num_joints, position)
        cells, scores = (listed(values[0]) for values in found)
        case[position] = {"cells": cells, "scores": scores}
    return case


def photo_case(rng: np.random.Generator) -> dict[str, Any]:
    """Cells of a turned crop in px of the photo and in mm behind the root."""
    affine = crop_affine(np.array([100.0, 50, 300, 300]), CROP_PX, rotation_degrees=25.0)
    cells = rng.uniform(0, 1, (MUCO_21.num_joints, 3)) * GRID
    keypoints_px, depth_mm = cells_to_photo(
        cells, affine, grid=GRID, crop_px=CROP_PX, depth_range_mm=DEPTH_RANGE_MM
    )
    return {
        "cells": cells.tolist(),
        "affine": affine.ravel().tolist(),
        "keypoints_px": listed(keypoints_px),
        "depth_mm": listed(depth_mm - depth_mm[MUCO_21.root]),
    }


def camera_numbers(camera: Camera) -> list[float]:
    """fx, fy, cx, cy."""
    return [*camera.focal_px, *camera.center_px]


def camera_case(degrees: float, size: tuple[int, int]) -> dict[str, Any]:
    """A camera by its field of view."""
    camera = camera_numbers(Camera.from_fov(degrees, size))
    return {"degrees": degrees, "size": list(size), "camera": listed(camera)}


def translation_case(rng: np.random.Generator) -> dict[str, Any]:
    """A pose that is placed onto 2D joints which do not quite fit it."""
    camera = Camera(focal_px=(610.0, 600), center_px=(320, 240))
    relative = rng.normal(size=(MUCO_21.num_joints, 3)) * [300, 500, 200]
    keypoints_px = project(relative + [200, -100, 4000], camera)
    keypoints_px += rng.normal(size=keypoints_px.shape) * 3
    weights = rng.uniform(0, 1, MUCO_21.num_joints)
    return {
        "camera": camera_numbers(camera),
        "relative_mm": relative.tolist(),
        "keypoints_px": keypoints_px.tolist(),
        "weights": weights.tolist(),
        "translation_mm": listed(fit_translation(keypoints_px, relative, camera, weights)),
    }


def placement_case(rng: np.random.Generator) -> dict[str, Any]:
    """2D joints and depths of nobody in particular, placed by a stature."""
    camera = Camera(focal_px=(610.0, 600), center_px=(320, 240))
    keypoints_px = rng.uniform(0, 1, (MUCO_21.num_joints, 2)) * [200, 400] + [150, 40]
    depth_mm = rng.normal(size=MUCO_21.num_joints) * 150
    depth_mm -= depth_mm[MUCO_21.root]
    scores = rng.uniform(0, 1, MUCO_21.num_joints)
    stature_mm = float(rng.uniform(1400, 1900))
    keypoints_mm = place_in_camera(
        keypoints_px, depth_mm, scores, skeleton=MUCO_21, camera=camera, stature_mm=stature_mm
    )
    return {
        "camera": camera_numbers(camera),
        "keypoints_px": keypoints_px.tolist(),
        "depth_mm": depth_mm.tolist(),
        "scores": scores.tolist(),
        "stature_mm": stature_mm,
        "keypoints_mm": listed(keypoints_mm),
    }


def search_case(size: tuple[int, int]) -> dict[str, Any]:
    """The squares in which a person is looked for."""
    return {"size": list(size), "squares": listed(search_squares(size))}


# How the person leans, how the view does, and how large the person is.
NEXT_VIEWS = [
    (5.0, 0.0, 1.0),
    (80.0, 0.0, 1.0),
    (85.0, 80.0, 1.0),
    (-175.0, 179.0, 1.0),
    (10.0, 60.0, 1.0),
    (10.0, 0.0, 0.03),  # the joints lie within MIN_SIDE_PX, but their square is larger
    (50.0, 0.0, 0.01),  # no person's extent
]


def next_view_case(
    rng: np.random.Generator, lean: float, view_lean: float, scale: float
) -> dict[str, Any]:
    """Where to look again for a person who was seen in a view."""
    keypoints_px = person_px(rng, lean) * scale + [300, 200]
    view = View(np.array([250.0, 150, 100, 100]), view_lean)
    return {
        "view": view_numbers(view),
        "keypoints_px": keypoints_px.tolist(),
        "lean_degrees": listed(torso_lean(keypoints_px)),
        "next": view_numbers(next_view(sight_of(view, keypoints_px), TIGHT, MUCO_21)),
    }


# Size of the picture, number of the search square, how the view leans, how the person does and
# how large the person is.
PORTRAITS = [
    (PHOTO, 4, 0.0, 5.0, 2.5),
    (PHOTO, 6, 0.0, 40.0, 2.5),
    ((480, 640), 5, 0.0, -90.0, 2.5),
    ((480, 640), 5, -60.0, -65.0, 2.5),
    (PHOTO, 4, 150.0, -170.0, 2.5),
    (PHOTO, 0, 0.0, 5.0, 2.5),  # the square is no larger than the picture
    (PHOTO, 4, 0.0, 5.0, 0.01),  # no person's extent
]


def portrait_case(
    rng: np.random.Generator,
    size: tuple[int, int],
    search: int,
    view_lean: float,
    lean: float,
    scale: float,
) -> dict[str, Any]:
    """How to go on looking at who was found in a search square, and who then steps back."""
    view = View(search_squares(size)[search], view_lean)
    person = person_px(rng, lean)
    keypoints_px = person * scale + [size[0] / 2, size[1]]
    found = sight_of(view, keypoints_px)
    framing = framing_of(found, size)
    following = next_view(found, framing, MUCO_21)
    back_px = person * 0.5 + [size[0] / 3, size[1] / 2]
    back = next_view(sight_of(following, back_px), framing, MUCO_21)
    return {
        "size": list(size),
        "search": search,
        "view": view_numbers(view),
        "keypoints_px": keypoints_px.tolist(),
        "framing": listed([framing.scale, *framing.offset]),
        "next": view_numbers(following),
        "back_px": back_px.tolist(),
        "back": view_numbers(back),
        "tight": view_numbers(next_view(sight_of(back, back_px), TIGHT, MUCO_21)),
    }


def person_px(rng: np.random.Generator, lean: float) -> np.ndarray:
    """(J, 2) joints about (0, 0), the torso leaning by so much."""
    upright = rng.normal(size=(MUCO_21.num_joints, 2)) * [20, 60]
    for name, x, y in (("L_Shoulder", 20, -60), ("R_Shoulder", -20, -60)):
        upright[MUCO_21.index(name)] = x, y
    for name, x, y in (("L_Hip", 12, 10), ("R_Hip", -12, 10)):
        upright[MUCO_21.index(name)] = x, y
    angle = np.radians(lean)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return upright @ turn.T


def sight_of(view: View, keypoints_px: np.ndarray) -> Sight:
    """These joints, seen in the view; depths and scores do not matter."""
    nothing = np.zeros(len(keypoints_px))
    return Sight(view=view, keypoints_px=keypoints_px, depth_mm=nothing, scores=nothing)


def view_numbers(view: View) -> list[float]:
    """x, y, width, height and lean."""
    return listed([*view.square_xywh, view.lean_degrees])


def torso_lean(keypoints_px: np.ndarray) -> float:
    """By all joints, as the estimator takes it."""
    lean = torso_lean_degrees(keypoints_px, np.ones(len(keypoints_px), bool), MUCO_21)
    if lean is None:
        raise ValueError("the made-up torso has no length")
    return lean


def flip_case(rng: np.random.Generator) -> dict[str, Any]:
    """Joints of a mirrored picture as those of the picture itself."""
    mirrored = rng.uniform(0, 400, (MUCO_21.num_joints, 2))
    back = flip_points_px(mirrored, PHOTO[0])[MUCO_21.flip_permutation]
    return {"mirrored_px": mirrored.tolist(), "width": PHOTO[0], "keypoints_px": listed(back)}


def one_euro_case(rng: np.random.Generator) -> dict[str, Any]:
    """A walk with noise, smoothed; by the formulas of Casiez et al., CHI 2012, written out."""
    min_cutoff_hz, beta, speed_cutoff_hz = 0.05, 80.0, 1.0
    size = 300.0
    times_s = np.cumsum(rng.uniform(0.02, 0.05, 20))
    values = np.cumsum(rng.normal(size=(20, 2)) * 2, axis=0)
    smooth, speed = values[0], np.zeros(2)
    rows = [smooth]
    for step_s, before, value in zip(np.diff(times_s), values, values[1:], strict=False):
        speed = blended(speed, (value - before) / step_s / size, speed_cutoff_hz, step_s)
        smooth = blended(smooth, value, min_cutoff_hz + beta * np.abs(speed), step_s)
        rows.append(smooth)
    return {
        "constants": [min_cutoff_hz, beta, speed_cutoff_hz],
        "size": size,
        "times_s": times_s.tolist(),
        "values": values.tolist(),
        "smooth": listed(rows),
    }


def blended(
    before: np.ndarray, now: np.ndarray, cutoff_hz: float | np.ndarray, step_s: float
) -> np.ndarray:
    """One step of a low-pass filter of the first order."""
    share = 1 / (1 + 1 / (2 * np.pi * cutoff_hz) / step_s)
    return share * now + (1 - share) * before


if __name__ == "__main__":
    main()
