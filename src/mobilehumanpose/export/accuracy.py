"""What a quantised file loses in accuracy, on photographs that people labelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..data.lspet import load_lspet, split
from ..data.samples import PoseDataset
from ..errors import UserError
from ..evaluate.lspet import evaluate_lspet
from ..evaluate.predict import CropNetwork, predict_dataset

#: A file may lose so much.
MAX_PCK_LOSS, MAX_DEPTH_LOSS_MM = 2.0, 3.0


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Figures of one network on the held-out tenth of LSP Extended, one look at each person.

    Attributes:
        pck: PCK@0.2 of the torso in %, see :mod:`~mobilehumanpose.evaluate.lspet`.
        depth_mm: mean distance to the teacher's depth.
    """

    pck: float
    depth_mm: float


def load_benchmark(folder: Path) -> PoseDataset:
    """The held-out photographs of ``lspet-train.*`` in a folder.

    Raises:
        UserError: they are not there.
    """
    return split(load_lspet(folder))[1]


def measure(
    network: CropNetwork, dataset: PoseDataset, on_batch: Callable[[int], None] = lambda _: None
) -> Accuracy:
    """Evaluate a network."""
    predictions = predict_dataset(
        network, dataset, flip=None, places="stature", uses_true_roots=False, on_batch=on_batch
    )
    pck, depth_mm = evaluate_lspet(dataset.samples, predictions).headline.values()
    return Accuracy(pck=pck, depth_mm=depth_mm)


def refuse_loss(float32: Accuracy, found: Accuracy, what: str) -> dict[str, Any]:
    """Refuse a file that loses too much.

    Returns:
        Both figures, for the JSON beside the file.

    Raises:
        UserError: it does.
    """
    if not (
        float32.pck - found.pck <= MAX_PCK_LOSS
        and found.depth_mm - float32.depth_mm <= MAX_DEPTH_LOSS_MM
    ):
        raise UserError(
            f"{what}: not written: PCK@0.2 goes from {float32.pck:.1f} to {found.pck:.1f} % and "
            f"the depth error from {float32.depth_mm:.1f} to {found.depth_mm:.1f} mm; at most "
            f"{MAX_PCK_LOSS:g} points and {MAX_DEPTH_LOSS_MM:g} mm may be lost"
        )
    return {"benchmark": "LSPET held-out tenth", "float32": asdict(float32), "this": asdict(found)}
