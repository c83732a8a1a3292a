"""How far an exported file's answers are from PyTorch's in float32, and how far they may be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

FloatArray = NDArray[np.floating]

#: In float32 no joint may move further: arithmetic in another order is all that differs.
MAX_FLOAT32_MM = 0.05
#: Weights in float16 may move joints by so much on average, where each joint counts as PyTorch is
#: sure of it: one whose heat-map is torn between two places moves far for little, and is as wrong
#: before as after.
WEIGHTED_FLOAT16_MM = 0.5
#: The same for int8, where labels tell better what it costs in accuracy. A network that is
#: quantised well moves joints by up to half of this, one with a quantised head by four times as
#: much.
MEAN_INT8_MM = 60.0
#: Scores may differ by so much on average.
MEAN_SCORES = {"float32": 1e-3, "float16": 0.01, "int8": 0.1}


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Differences of joints between a file and PyTorch.

    Attributes:
        crops: pictures that they were measured on.
        pictures: what those are.
        mean_cells: mean over pictures and joints of the distance in cells.
        max_cells: the largest of those.
        mean_mm: the mean distance in mm, see :func:`cell_mm`.
        max_mm: the largest.
        weighted_mm: their mean, weighted by PyTorch's scores.
        mean_scores: mean difference of the scores.
    """

    crops: int
    pictures: str
    mean_cells: float
    max_cells: float
    mean_mm: float
    max_mm: float
    weighted_mm: float
    mean_scores: float

    def to_json(self) -> dict[str, Any]:
        """For the file that lies beside an export."""
        figures = {
            name: float(f"{value:.3g}") if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        return {**figures, "against": "PyTorch float32"}

    def __str__(self) -> str:
        return (
            f"joints differ from PyTorch's by {self.mean_mm:.3g} mm on average "
            f"({self.weighted_mm:.3g} mm by how sure they are), {self.max_mm:.3g} mm at most "
            f"({self.mean_cells:.2g} and {self.max_cells:.2g} cells; "
            f"{self.crops} {self.pictures})"
        )


def cell_mm(grid: tuple[int, int, int], depth_range_mm: float) -> FloatArray:
    """(3,) size of a cell along x, y, z.

    The grid is taken as a cube: a crop around a standing person is about as wide as the grid is
    deep, two metres.
    """
    return depth_range_mm / np.array(grid)


def compare(
    found: tuple[FloatArray, FloatArray],
    expected: tuple[FloatArray, FloatArray],
    *,
    grid: tuple[int, int, int],
    depth_range_mm: float,
    pictures: str,
) -> Parity:
    """Measure the differences.

    Args:
        found: (N, J, 3) cells and (N, J) scores of the file.
        expected: those of PyTorch.
        grid: cells along (x, y, z).
        depth_range_mm: that the grid spans.
        pictures: what the N are, in plural.
    """
    offset = found[0].astype(np.float64) - expected[0]
    cells = np.linalg.norm(offset, axis=-1)
    mm = np.linalg.norm(offset * cell_mm(grid, depth_range_mm), axis=-1)
    return Parity(
        crops=len(offset),
        pictures=pictures,
        mean_cells=float(cells.mean()),
        max_cells=float(cells.max()),
        mean_mm=float(mm.mean()),
        max_mm=float(mm.max()),
        # Scores may all be 0 where nobody is seen.
        weighted_mm=float(np.average(mm, weights=np.maximum(expected[1], 1e-6))),
        mean_scores=float(np.abs(found[1] - expected[1]).mean()),
    )


def refuse_difference(parity: Parity, precision: str, what: str) -> None:
    """Refuse a file that is further from PyTorch than its precision explains; NaN is, too.

    Raises:
        UserError: it is; the file and the figures are named.
    """
    value, limit, kind = {
        "float32": (parity.max_mm, MAX_FLOAT32_MM, "at most"),
        "float16": (parity.weighted_mm, WEIGHTED_FLOAT16_MM, "on average"),
        "int8": (parity.mean_mm, MEAN_INT8_MM, "on average"),
    }[precision]
    if not value <= limit:
        raise UserError(
            f"{what}: not written: in {precision} its joints are {value:.3g} mm from PyTorch's "
            f"{kind}; {limit:g} mm is right"
        )
    if not parity.mean_scores <= MEAN_SCORES[precision]:
        raise UserError(
            f"{what}: not written: in {precision} its scores are {parity.mean_scores:.3g} from "
            f"PyTorch's on average; {MEAN_SCORES[precision]:g} is right"
        )
