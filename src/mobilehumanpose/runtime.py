"""A model file and what runs it: pixels of crops in, grid cells and scores out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from .decode import POSITIONS, Position
from .errors import UserError
from .files import check_file, parse_json
from .skeleton import Skeleton, get_skeleton

#: Key of the model's description among an ONNX file's metadata.
METADATA_KEY = "mobilehumanpose"
FORMAT_VERSION = 1

#: ONNX Runtime starts as many as it is told to, however long that takes.
MAX_THREADS = 256
#: Crops that go through the network at once.
MAX_BATCH = 8


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """What must be known to use a model file, and travels inside it.

    Attributes:
        name: the model's name.
        preset: the network's preset.
        joint_set: name of the skeleton.
        input_px: side of the square input; the graph takes (N, P, P, 3) uint8 RGB and scales the
            pixels itself.
        grid: cells of the heat-map along (x, y, z).
        depth_range_mm: depth that the grid spans, with the root in its middle.
        position: how joints are read off the heat-map, which the graph does itself.
        licence: under which the weights may be used.
        trained_on: the data they were trained on.
    """

    name: str
    preset: str
    joint_set: str
    input_px: int
    grid: tuple[int, int, int]
    depth_range_mm: float
    licence: str
    trained_on: str
    position: Position = "mean"

    def to_json(self) -> str:
        """The text that a model file carries."""
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)})

    @classmethod
    def from_json(cls, text: str, source: Path) -> Self:
        """Read what :meth:`to_json` wrote.

        Raises:
            UserError: a field is absent, unknown or impossible.
        """
        fields = parse_json(text, f"{source}: its {METADATA_KEY!r} metadata")
        if not isinstance(fields, Mapping) or fields.get("format_version") != FORMAT_VERSION:
            raise UserError(
                f"{source}: its {METADATA_KEY!r} metadata is not of format {FORMAT_VERSION}"
            )
        # Files that do not say it are of a time when there was only the mean.
        fields = {"position": "mean", **fields}
        values = {name: _field(fields, name, source) for name in cls.__dataclass_fields__}
        try:
            get_skeleton(values["joint_set"])
        except UserError as error:
            raise UserError(f"{source}: {error}") from None
        if not 32 <= values["input_px"] <= 4096:
            raise UserError(f"{source}: input_px is {values['input_px']}; 32 to 4096 is possible")
        if len(values["grid"]) != 3 or not all(
            type(n) is int and 1 <= n <= 1024 for n in values["grid"]
        ):
            raise UserError(f"{source}: grid is {values['grid']}; three cell counts are needed")
        values["grid"] = tuple(values["grid"])
        if not 0 < values["depth_range_mm"] < 1e5:
            raise UserError(f"{source}: depth_range_mm is {values['depth_range_mm']}")
        if values["position"] not in POSITIONS:
            raise UserError(f"{source}: position is {values['position']!r}, which is not known")
        return cls(**values)


_FIELD_TYPES: dict[str, type | tuple[type, ...]] = {
    "input_px": int,
    "grid": list,
    "depth_range_mm": (int, float),
}


def _field(fields: Mapping, name: str, source: Path):  # type: ignore[no-untyped-def]
    kind = _FIELD_TYPES.get(name, str)
    value = fields.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f"{source}: metadata field {name!r} is {value!r}, which cannot be")
    return value


class PoseNetwork:
    """An ONNX model in ONNX Runtime on the CPU."""

    def __init__(self, path: Path, *, num_threads: int | None = None) -> None:
        """Load a model file.

        Args:
            path: an ``.onnx`` file that this project exported.
            num_threads: of the network; None leaves it to ONNX Runtime (all cores).

        Raises:
            UserError: the file is absent, damaged, or not a model of this project.
        """
        check_file(path, "model file")
        options = ort.SessionOptions()
        options.log_severity_level = 3
        if num_threads is not None:
            if type(num_threads) is not int or not 1 <= num_threads <= MAX_THREADS:
                raise UserError(f"num_threads is {num_threads!r}; 1 to {MAX_THREADS} are possible")
            options.intra_op_num_threads = num_threads
        try:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        # ONNX Runtime's exceptions share no base class of their own.
        except Exception as error:  # noqa: BLE001
            reason = str(error).splitlines()[0][:200]
            raise UserError(f"{path}: not a usable ONNX model: {reason}") from None
        metadata = self._session.get_modelmeta().custom_metadata_map
        if METADATA_KEY not in metadata:
            raise UserError(
                f"{path}: an ONNX model, but not one exported by this project "
                f"(no {METADATA_KEY!r} metadata)"
            )
        self.description = ModelDescription.from_json(metadata[METADATA_KEY], path)
        self.skeleton: Skeleton = get_skeleton(self.description.joint_set)
        self._check_signature(path)

    def _check_signature(self, path: Path) -> None:
        side = self.description.input_px
        ends = [*self._session.get_inputs(), *self._session.get_outputs()]
        if any(not end.shape or isinstance(end.shape[0], int) for end in ends):
            raise UserError(f"{path}: takes a fixed number of crops; any number must fit")
        inputs = [(i.name, i.shape[1:], i.type) for i in self._session.get_inputs()]
        if inputs != [("image", [side, side, 3], "tensor(uint8)")]:
            raise UserError(f"{path}: input is {inputs}; one uint8 image N×{side}×{side}×3 fits")
        outputs = [(o.name, o.shape[1:], o.type) for o in self._session.get_outputs()]
        num_joints, kind = self.skeleton.num_joints, "tensor(float)"
        if outputs != [("cells", [num_joints, 3], kind), ("scores", [num_joints], kind)]:
            raise UserError(
                f"{path}: outputs are {outputs}; cells N×{num_joints}×3 and scores "
                f"N×{num_joints} fit {self.description.joint_set!r}"
            )

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(N, P, P, 3) RGB crops → (N, J, 3) x, y, z in cells and (N, J) scores in 0…1."""
        parts = [
            self._session.run(["cells", "scores"], {"image": crops[at : at + MAX_BATCH]})
            for at in range(0, len(crops), MAX_BATCH)
        ]
        cells, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return cells, scores
