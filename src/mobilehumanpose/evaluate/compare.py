"""Results of one protocol beside each other, such as those of several epochs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .results import EvaluationResult, ResultTable


def compare(title: str, results: Mapping[str, EvaluationResult]) -> list[ResultTable]:
    """The headlines of several results, a row each and a table for each unit.

    Args:
        title: of the tables.
        results: by the name of their row; at least one, all of the same figures.
    """
    first = next(iter(results.values()))
    columns: dict[str, list[str]] = {}
    for figure in first.headline:
        columns.setdefault(figure.rpartition(", ")[2], []).append(figure)
    return [
        ResultTable(
            title=title,
            unit=unit,
            row_names=tuple(results),
            column_names=tuple(figure.rpartition(", ")[0] for figure in figures),
            values=np.array(
                [[result.headline[figure] for figure in figures] for result in results.values()]
            ),
            higher_is_better=unit == "%",
        )
        for unit, figures in columns.items()
    ]
