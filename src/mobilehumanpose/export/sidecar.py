"""The JSON beside an exported file: all that an app must know to use it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..decode import PEAK_SIGMA, PEAK_SQUARINGS, SCORE_RADIUS, SURE_MASS
from ..errors import UserError
from ..files import parse_json
from ..runtime import ModelDescription
from ..skeleton import get_skeleton
from .graph import Layout

FORMAT = "mobilehumanpose-model"
FORMAT_VERSION = 1

CELLS_RECIPE = (
    "cells are x, y, z of each joint on the grid: x_px = x * input width / grid_cells[0] and "
    "y_px = y * input height / grid_cells[1] in the crop, "
    "z_mm = (z / grid_cells[2] - 0.5) * depth_range_mm behind the root; scores are 0 to 1."
)
HEATMAPS_RECIPE = (
    "The channel of a joint's depth is joint * grid_cells[2] + depth. Softmax over all cells of a "
    "joint together; cells are the expectations of the indices x, y, z. Where position is peak, "
    "those of x and y are over other weights: the probabilities summed over depth, smoothed by a "
    "Gaussian of peak_sigma_cells with nothing beyond the edges, divided by the largest, to the "
    "power of peak_power, divided by their sum. A score is the probability, summed over depth, of "
    "the image cells no further than score_radius_cells from that x, y, divided by "
    "score_sure_mass, at most 1. Then "
)


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """The picture that a file takes.

    Attributes:
        name: of the input.
        shape: (1, P, P, 3) or (1, 3, P, P).
        layout: of these axes.
        dtype: of the values.
        mean: that the app subtracts from the 0…255 pixels, for R, G, B; zeros where the graph
            scales them itself.
        std: that it divides them by then.
        color: order of the channels.
    """

    name: str
    shape: tuple[int, int, int, int]
    layout: Layout
    dtype: Literal["uint8", "float32"]
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    color: str = "RGB"


@dataclass(frozen=True, kw_only=True)
class OutputSpec:
    """An output, in the file's order: (1, J, 3), (1, J), or (1, J·D, H, W)."""

    name: str
    shape: tuple[int, ...]
    meaning: Literal["cells", "scores", "heatmaps"]


@dataclass(frozen=True, kw_only=True)
class Interface:
    """What goes into an exported file, and what comes out."""

    input: InputSpec
    outputs: tuple[OutputSpec, ...]

    @property
    def has_head(self) -> bool:
        """Whether joints come out, rather than heat-maps."""
        return self.outputs[0].meaning != "heatmaps"


def usual_outputs(
    num_joints: int, grid: tuple[int, int, int], *, with_head: bool, names: Sequence[str] = ()
) -> tuple[OutputSpec, ...]:
    """The outputs of every target, under the names that it has for them if not the usual ones."""
    width, height, depth = grid
    if with_head:
        cells, scores = names or ("cells", "scores")
        return (
            OutputSpec(name=cells, shape=(1, num_joints, 3), meaning="cells"),
            OutputSpec(name=scores, shape=(1, num_joints), meaning="scores"),
        )
    (heatmaps,) = names or ("heatmaps",)
    shape = (1, num_joints * depth, height, width)
    return (OutputSpec(name=heatmaps, shape=shape, meaning="heatmaps"),)


def sidecar(
    description: ModelDescription,
    interface: Interface,
    *,
    files: Sequence[Path],
    target: str,
    precision: str,
    parity: dict[str, Any],
) -> dict[str, Any]:
    """The JSON's content.

    Args:
        description: of the model.
        interface: of its file.
        files: what was written: the one that a runtime is given first, then any that belong to it;
            a folder counts as one file.
        target: that it was exported to.
        precision: likewise.
        parity: what the check found.
    """
    skeleton = get_skeleton(description.joint_set)
    main, *others = files
    content: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": description.name,
        "preset": description.preset,
        **_fingerprint(main),
    }
    if others:
        content["further_files"] = [_fingerprint(path) for path in others]
    return content | {
        "target": target,
        "precision": precision,
        "output": "joints" if interface.has_head else "heatmaps",
        "input": asdict(interface.input),
        "outputs": [asdict(output) for output in interface.outputs],
        "grid_cells": description.grid,
        "depth_range_mm": description.depth_range_mm,
        "position": description.position,
        "peak_sigma_cells": PEAK_SIGMA * description.grid[0],
        "peak_power": 2**PEAK_SQUARINGS,
        "score_radius_cells": SCORE_RADIUS * description.grid[0],
        "score_sure_mass": SURE_MASS,
        "joint_set": skeleton.name,
        "joints": skeleton.joint_names,
        "edges": skeleton.edges,
        "flip_pairs": skeleton.flip_pairs,
        "root": None if skeleton.root is None else skeleton.joint_names[skeleton.root],
        "decode": CELLS_RECIPE if interface.has_head else HEATMAPS_RECIPE + CELLS_RECIPE,
        "parity": parity,
        "licence": description.licence,
        "trained_on": description.trained_on,
    }


def sidecar_path(path: Path) -> Path:
    """Where the JSON of an exported file lies."""
    return path.with_suffix(".json")


def refuse_foreign_sidecar(path: Path) -> None:
    """Refuse to overwrite a JSON that belongs to something else than the file.

    Raises:
        UserError: it does.
    """
    _earlier_export(path)


def refuse_foreign_parts(path: Path, names: Sequence[str]) -> None:
    """Refuse to overwrite files that would lie beside an exported one, but are no earlier export's.

    Raises:
        UserError: one is there that the JSON beside ``path`` does not list.
    """
    parts = _earlier_export(path).get("further_files")
    listed = (
        [part.get("file") for part in parts if isinstance(part, dict)]
        if isinstance(parts, list)
        else []
    )
    for name in names:
        if name not in listed and (path.parent / name).exists():
            raise UserError(
                f"{path.parent / name}: would be overwritten; choose another --out than {path}"
            )


def _earlier_export(path: Path) -> dict[str, Any]:
    """What the JSON beside a file says; nothing where there is none.

    Raises:
        UserError: it belongs to something else than the file.
    """
    beside = sidecar_path(path)
    try:
        content = parse_json(beside.read_bytes(), f"{beside}: would be overwritten, but")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{beside}: would be overwritten, but: {error.strerror}") from None
    is_ours = isinstance(content, dict) and content.get("format") == FORMAT
    if not is_ours or content.get("file") != path.name:
        raise UserError(
            f"{beside}: belongs to something else than {path.name}; choose another --out"
        )
    return content


def _fingerprint(path: Path) -> dict[str, Any]:
    """Name, hash and size; of a folder, those of its files one after the other by name."""
    parts = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    digest, size = hashlib.sha256(), 0
    for part in parts:
        content = part.read_bytes()
        digest.update(content)
        size += len(content)
    return {"file": path.name, "sha256": digest.hexdigest(), "bytes": size}
