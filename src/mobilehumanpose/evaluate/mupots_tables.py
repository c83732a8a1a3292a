"""The CSV files that the MATLAB script of MuPoTS-3D writes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..media import write_file
from ..skeleton import MUPOTS_17
from .metrics import auc3d, mean_known, pck3d
from .mupots_truth import MupotsTruth

#: Joint groups of the official tables.
JOINT_GROUPS = {
    "Head": [0],
    "Neck": [1],
    "Shou": [2, 5],
    "Elbow": [3, 6],
    "Wrist": [4, 7],
    "Hip": [8, 11],
    "Knee": [9, 12],
    "Ankle": [10, 13],
}


def write_mupots_tables(
    folder: Path, truth: MupotsTruth, errors_mm: NDArray[np.floating], *, matched_only: bool
) -> list[Path]:
    """Write the three CSV files of the MATLAB script: all, visible and occluded joints.

    Names and blocks are the script's: MPJPE, PCK and AUC by sequence. Rows are named in all three,
    rates are in %, and MPJPE is of matched people only, where the script averages in the huge
    error that it gives to people nobody found.

    Args:
        folder: where to.
        truth: its ``occluded`` tells joints apart; without it only the first file is written.
        errors_mm: (N, 17) ``joint_errors`` of a result, or of
            :func:`~mobilehumanpose.evaluate.mupots.mupots_errors`.
        matched_only: leave out people whom nobody matched.

    Returns:
        The files written.
    """
    prefix = "only_matched_annotations_" if matched_only else "all_annotated_"
    masks = {"": np.ones(errors_mm.shape, bool)}
    if truth.occluded is not None:
        masks |= {"visible_joints_": ~truth.occluded, "occluded_joints_": truth.occluded}
    paths = []
    for part, counted in masks.items():
        path = folder / f"{prefix}{part}multiperson_3dhp_evaluation_sequencewise.csv"
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        groups = JOINT_GROUPS | {"Total": list(range(14))}
        joints = {name: [i] for i, name in enumerate(MUPOTS_17.joint_names)}
        joints |= {"Average": list(range(17))}
        rated = errors_mm if matched_only else np.nan_to_num(errors_mm, nan=np.inf)
        for title, columns, errors, metric in (
            ("MPJPE", joints, errors_mm, mean_known),
            ("PCK", groups, rated, lambda e: 100 * pck3d(e)),
            ("AUC", groups, rated, lambda e: 100 * auc3d(e)),
        ):
            writer.writerow([title, *columns])
            masked = np.where(counted, errors, np.nan)
            for sequence in np.unique(truth.sequence):
                of_sequence = masked[truth.sequence == sequence]
                figures = [metric(of_sequence[:, index]) for index in columns.values()]
                writer.writerow([f"TestSeq{sequence}", *(f"{figure:.4f}" for figure in figures)])
        write_file(path, text.getvalue().encode())
        paths.append(path)
    return paths
