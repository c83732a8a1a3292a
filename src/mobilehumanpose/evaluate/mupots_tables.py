"""The files of results that the MATLAB script of MuPoTS-3D writes: CSV tables, and all errors."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..media import write_file
from ..skeleton import MUPOTS_17
from .mat_files import save_mat
from .metrics import auc3d, mean_known, pck3d
from .mupots import NUM_SEQUENCES, ROOT
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


#: Where the script puts every joint of people whom nobody matched, along x, y and z.
UNDETECTED_MM = 100_000.0


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
    prefix = _prefix(matched_only=matched_only)
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


def write_mupots_errors(
    folder: Path, truth: MupotsTruth, errors_mm: NDArray[np.floating], *, matched_only: bool
) -> Path:
    """Write ``…multiperson_3dhp_evaluation.mat``, as the MATLAB script does, for more statistics.

    Its variable ``sequencewise_per_joint_error`` is a cell for each of TS1 … TS20, empty where
    nobody is annotated, with 17 × 1 × N errors around the pelvis in mm. People whom nobody matched
    are left out, or have the error of a pose with all joints at ``UNDETECTED_MM``.

    Args:
        folder: where to.
        truth: universal poses must be among it.
        errors_mm: (N, 17), as for :func:`write_mupots_tables`.
        matched_only: leave out people whom nobody matched.

    Returns:
        The file written.

    Raises:
        UserError: the truth has no universal poses, or the file cannot be written.
    """
    path = folder / f"{_prefix(matched_only=matched_only)}multiperson_3dhp_evaluation.mat"
    if truth.universal_mm is None:
        raise UserError(f"{path}: needs the universal poses of the official annot.mat")
    relative_mm = truth.universal_mm - truth.universal_mm[:, [ROOT]]
    missed = np.isnan(errors_mm).all(axis=1)
    errors = np.where(
        missed[:, None], np.linalg.norm(UNDETECTED_MM - relative_mm, axis=-1), errors_mm
    )
    counted = ~missed if matched_only else np.ones_like(missed)
    cells = np.empty((1, NUM_SEQUENCES), object)
    for number in range(NUM_SEQUENCES):
        people = errors[counted & (truth.sequence == number + 1)]
        cells[0, number] = people.T[:, None]
    save_mat(path, {"sequencewise_per_joint_error": cells})
    return path


def _prefix(*, matched_only: bool) -> str:
    return "only_matched_annotations_" if matched_only else "all_annotated_"
