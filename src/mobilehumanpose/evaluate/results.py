"""What an evaluation found: headline figures, tables, and each person's error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class ResultTable:
    """Figures by row and column, such as error by action and joint.

    Attributes:
        title: what was measured, with its definition in a few words.
        unit: of the values, e.g. ``"mm"`` or ``"%"``.
        row_names: R names.
        column_names: C names.
        values: (R, C); NaN where there was nothing to measure.
        higher_is_better: which way is good.
    """

    title: str
    unit: str
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    values: NDArray[np.floating]
    higher_is_better: bool = False

    def __post_init__(self) -> None:
        shape = (len(self.row_names), len(self.column_names))
        if self.values.shape != shape:
            raise ValueError(f"table {self.title!r} has values {self.values.shape}, not {shape}")


@dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """Outcome of one protocol on one set of predictions.

    Attributes:
        protocol: name and definition: subjects, stride, joints, metric, alignment.
        headline: the figures that papers quote, by name with unit, e.g. ``"MPJPE, mm"``.
        tables: the figures in detail.
        joint_names: J names of ``joint_errors``.
        joint_errors: (P, J) error of each evaluated person and joint, in ``error_unit``; NaN where
            a joint was not evaluated.
        error_unit: ``"mm"`` or, for 2D, ``"px"``.
        image_index: (P,) which image of the test set shows the person.
        people_index: (P,) which row of the predictions it is; −1 where nobody was predicted.
        sample_index: (P,) which label of the test set it is, −1 where none is known; None where an
            image has but one person, or the nearest to the prediction will do.
        warnings: what a reader of the figures must know, a sentence each.
    """

    protocol: str
    headline: dict[str, float]
    tables: tuple[ResultTable, ...]
    joint_names: tuple[str, ...]
    joint_errors: NDArray[np.floating]
    error_unit: str
    image_index: NDArray[np.integer]
    people_index: NDArray[np.integer]
    sample_index: NDArray[np.integer] | None = None
    warnings: tuple[str, ...] = ()
