"""The networks that a run has left, and the test that suits its recipe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from .recipe import Recipe

#: The test that belongs to what a recipe trains on, by the name of the set.
TEST_OF_SET: Mapping[str, str] = {
    "human36m-p1-train": "human36m-protocol1",
    "human36m-p2-train": "human36m-protocol2",
    "muco-train": "mupots",
    "lspet-train": "lspet",
    "synth-train": "synth",
}
#: Name of the network in the end.
FINAL = "final"


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A network that training has left.

    Attributes:
        path: its ``.safetensors`` file.
        crop_px: side of the crops that it was trained on last.
    """

    path: Path
    crop_px: int


def recipe_test(recipe: Recipe) -> str:
    """Name of the test for a recipe's networks.

    Raises:
        UserError: none of its sets has one.
    """
    for spec in recipe.datasets:
        if spec.name in TEST_OF_SET:
            return TEST_OF_SET[spec.name]
    names = ", ".join(spec.name for spec in recipe.datasets)
    raise UserError(f"recipe {recipe.name!r} trains on {names}: say by --protocol what to test on")


def parse_epochs(text: str) -> list[int]:
    """``"20"``, ``"20,24"``, ``"20-24"`` (both ends included) or ``"8,20-24"`` → epochs, in order.

    Raises:
        UserError: it is none of these.
    """
    epochs: set[int] = set()
    for part in text.split(","):
        span = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        numbers = range(int(span[1]), int(span[2] or span[1]) + 1) if span else ()
        if not numbers:
            raise UserError(f"--test-epoch {text!r}: give epochs like 20, 20,24 or 20-24")
        epochs.update(numbers)
    return sorted(epochs)


def find_snapshots(recipe: Recipe, out: Path, epochs: str | None) -> dict[str, Snapshot]:
    """The networks of a run by their names, ``"snapshot_20"``, or ``FINAL`` for the one in the end.

    Args:
        recipe: of the run.
        out: the folder of all outputs, which has ``model_dump/<recipe>``.
        epochs: which, see :func:`parse_epochs`; None for the network in the end.

    Raises:
        UserError: one of them is not there.
    """
    folder = out / "model_dump" / recipe.name
    stage_of_epoch = [stage for stage in recipe.stages for _ in range(stage.epochs)]
    if epochs is None:
        path = folder / f"{recipe.name}.safetensors"
        found = {FINAL: Snapshot(path=path, crop_px=recipe.stages[-1].crop_px)}
    else:
        found = {}
        for epoch in parse_epochs(epochs):
            if epoch >= len(stage_of_epoch):
                raise UserError(
                    f"--test-epoch {epochs!r}: recipe {recipe.name!r} has epochs 0 to "
                    f"{len(stage_of_epoch) - 1}"
                )
            path = folder / f"snapshot_{epoch}.safetensors"
            crop_px = stage_of_epoch[epoch].crop_px
            found[f"snapshot_{epoch}"] = Snapshot(path=path, crop_px=crop_px)
    for snapshot in found.values():
        if not snapshot.path.is_file():
            raise UserError(f"{snapshot.path}: no such network; {_what_is_there(folder)}")
    return found


def _what_is_there(folder: Path) -> str:
    matches = (
        re.fullmatch(r"snapshot_(\d+)\.safetensors", p.name) for p in folder.glob("snapshot_*")
    )
    numbers = sorted(int(match[1]) for match in matches if match)
    if not numbers:
        return f"{folder} has no snapshot of an epoch"
    return f"there are epochs {', '.join(map(str, numbers))}: choose by --test-epoch"
