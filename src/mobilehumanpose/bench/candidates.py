"""What can be timed: a model file with its description, and the BlazePose files of MediaPipe.

All get the same square of the same photograph, and all end with joints in the photograph. Ours
also end with joints in the camera's space; BlazePose's millimetres come out of its network.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..decode import (
    POSITIONS,
    Position,
    cells_to_photo,
    decode_heatmaps,
    place_in_camera,
)
from ..errors import UserError
from ..files import check_file, parse_json
from ..geometry import Camera, apply_affine, crop_affine, invert_affine, warp_crop
from ..runtime import PoseNetwork
from ..skeleton import get_skeleton
from .clock import Candidate
from .runtimes import load

#: What the JSON beside an exported file must say that it is.
SIDECAR_FORMAT = "mobilehumanpose-model"
#: What a file gives → what its outputs mean.
MEANINGS = {"joints": ("cells", "scores"), "heatmaps": ("heatmaps",)}
BLAZEPOSE_SIZES = ("lite", "full", "heavy")
BLAZEPOSE_PX = 256
#: The shapes of BlazePose's outputs: 39 landmarks of x, y, z, visibility and presence in the crop,
#: and of x, y, z in metres.
BLAZEPOSE_LANDMARKS, BLAZEPOSE_METRES = (1, 195), (1, 117)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What everyone is shown.

    Attributes:
        photo: (H, W, 3) uint8 RGB.
        square_xywh: (4,) px around the person.
        camera: the intrinsics.
    """

    photo: NDArray[np.uint8]
    square_xywh: NDArray[np.floating]
    camera: Camera


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """How a model file is fed and read, from the JSON beside it or the description inside.

    Attributes:
        name: of the model.
        joint_set: of its joints.
        input_px: side of its input.
        is_nchw: whether the input's channels come before its rows.
        dtype: of the input.
        mean: subtracted from the 0…255 pixels, for R, G, B.
        std: by which they are divided then.
        grid: cells along (x, y, z).
        depth_range_mm: that the grid spans.
        outputs: names of those with the joints' cells and their scores, or of that with heat-maps.
        position: how joints are read off heat-maps.
    """

    name: str
    joint_set: str
    input_px: int
    is_nchw: bool
    dtype: Literal["uint8", "float32"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    grid: tuple[int, int, int]
    depth_range_mm: float
    outputs: tuple[str, ...]
    position: Position = "mean"


def read_model_file(path: Path) -> ModelFile:
    """What is known of a model file.

    Raises:
        UserError: nothing is, or what is said of it cannot be.
    """
    sidecar = path.with_suffix(".json")
    if sidecar.is_file():
        content = _read_json(sidecar)
        if content.get("format") == SIDECAR_FORMAT:
            return _from_sidecar(content, path, sidecar)
    if path.suffix != ".onnx":
        raise UserError(f"{sidecar}: absent, or not the description that mhp export writes")
    description = PoseNetwork(path, num_threads=1).description
    return ModelFile(
        name=description.name,
        joint_set=description.joint_set,
        input_px=description.input_px,
        is_nchw=False,
        dtype="uint8",
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        grid=description.grid,
        depth_range_mm=description.depth_range_mm,
        outputs=("cells", "scores"),
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(path.read_bytes(), path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    return content if isinstance(content, dict) else {}


def _from_sidecar(content: dict[str, Any], path: Path, sidecar: Path) -> ModelFile:
    check_file(path, "model file")
    if content.get("sha256") != hashlib.sha256(path.read_bytes()).hexdigest():
        raise UserError(f"{sidecar}: describes another file than {path}: its sha256 differs")
    try:
        image = content["input"]
        outputs = {output["meaning"]: output["name"] for output in content["outputs"]}
        width, height, depth = content["grid_cells"]
        model = ModelFile(
            name=f"{content['name']} {content['precision']}",
            joint_set=content["joint_set"],
            input_px=int(image["shape"][2]),
            is_nchw=image["layout"] == "NCHW",
            dtype=image["dtype"],
            mean=tuple(map(float, image["mean"])),  # type: ignore[arg-type]
            std=tuple(map(float, image["std"])),  # type: ignore[arg-type]
            grid=(width, height, depth),
            depth_range_mm=float(content["depth_range_mm"]),
            outputs=tuple(outputs[meaning] for meaning in MEANINGS[content["output"]]),
            position=content.get("position", "mean"),
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UserError(f"{sidecar}: {type(error).__name__} in its fields: {error}") from None
    if model.dtype not in ("uint8", "float32") or len(model.mean) != 3 or len(model.std) != 3:
        raise UserError(f"{sidecar}: input is {image}, which cannot be fed")
    if model.position not in POSITIONS:
        raise UserError(f"{sidecar}: position is {model.position!r}, not of {POSITIONS}")
    if min(model.std) <= 0:
        raise UserError(f"{sidecar}: input.std is {model.std}; must be positive")
    return model


def our_candidate(
    path: Path, runtime: str, scene: Scene, num_threads: int, *, name: str | None = None
) -> Candidate:
    """A model of this project.

    Args:
        path: of its file.
        runtime: that runs it, a key of ``runtimes.RUNTIMES``.
        scene: what it is shown.
        num_threads: of the network.
        name: in the table instead of the model's own.

    Raises:
        UserError: the file or the runtime cannot be used.
    """
    model = read_model_file(path)
    run = load(path, runtime, num_threads)
    skeleton = get_skeleton(model.joint_set)
    affine = crop_affine(scene.square_xywh, model.input_px)
    is_scaled = model.mean != (0.0, 0.0, 0.0) or model.std != (1.0, 1.0, 1.0)
    mean, std = np.array(model.mean, np.float32), np.array(model.std, np.float32)
    state: dict[str, Any] = {}

    def crop() -> None:
        pixels: NDArray[Any] = warp_crop(scene.photo, affine, model.input_px)
        if model.dtype == "float32":
            pixels = pixels.astype(np.float32)
        if is_scaled:
            pixels = (pixels - mean) / std
        if model.is_nchw:
            pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
        state["image"] = pixels[None]

    def network() -> None:
        state["answer"] = run(state["image"])

    def decode() -> None:
        answer = [state["answer"][name] for name in model.outputs]
        if len(answer) == 1:
            answer = [*decode_heatmaps(answer[0], skeleton.num_joints, model.position)]
        cells, scores = answer
        keypoints_px, depth_mm = cells_to_photo(
            cells[0].astype(np.float64),
            affine,
            grid=model.grid,
            crop_px=model.input_px,
            depth_range_mm=model.depth_range_mm,
        )
        state["joints"] = place_in_camera(
            keypoints_px,
            depth_mm - depth_mm[skeleton.root],
            scores[0].astype(np.float64),
            skeleton=skeleton,
            camera=scene.camera,
        )

    return _tried(
        Candidate(
            name=name or model.name, runtime=runtime, crop=crop, network=network, decode=decode
        ),
        path,
    )


def blazepose_candidate(folder: Path, size: str, scene: Scene, num_threads: int) -> Candidate:
    """One of MediaPipe's landmark models: RGB in 0…1.

    Raises:
        UserError: its file is not there, or LiteRT is not installed.
    """
    path = folder / f"pose_landmark_{size}.tflite"
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; npm pack @mediapipe/pose and unpack it, then give its folder"
        )
    run = load(path, "litert", num_threads)
    affine = crop_affine(scene.square_xywh, BLAZEPOSE_PX)
    state: dict[str, Any] = {}

    def crop() -> None:
        pixels = warp_crop(scene.photo, affine, BLAZEPOSE_PX)
        state["image"] = pixels[None].astype(np.float32) / 255

    def network() -> None:
        state["answer"] = {array.shape: array for array in run(state["image"]).values()}

    def decode() -> None:
        landmarks = state["answer"][BLAZEPOSE_LANDMARKS].reshape(39, 5)
        state["px"] = apply_affine(landmarks[:, :2], invert_affine(affine))
        state["mm"] = state["answer"][BLAZEPOSE_METRES].reshape(39, 3) * 1000

    return _tried(
        Candidate(
            name=f"BlazePose {size}", runtime="litert", crop=crop, network=network, decode=decode
        ),
        path,
    )


def _tried(candidate: Candidate, path: Path) -> Candidate:
    """The candidate, if it gets through one frame.

    Raises:
        UserError: it does not: its file is not what it is said to be.
    """
    try:
        candidate.crop()
        candidate.network()
        candidate.decode()
    # A runtime's own exceptions, and whatever outputs of other shapes lead to.
    except Exception as error:  # noqa: BLE001
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise UserError(f"{path}: does not run in {candidate.runtime}: {reason}") from None
    return candidate
