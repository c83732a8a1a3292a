"""MuPoTS-3D: people matched in 2D, bones rescaled, then 3DPCK and AUC per sequence.

The rules are those of the official MATLAB evaluation (Mehta et al., 3DV 2018), with the settings
of 3DMPPE's ``mpii_mupots_multiperson_eval``, which MobileHumanPose's figures come from.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..data.samples import PoseSamples
from ..errors import UserError
from ..skeleton import MUPOTS_17
from .inputs import predicted_joints
from .metrics import auc3d, mean_known, pck3d
from .mupots_truth import MupotsTruth
from .predictions import Predictions
from .results import EvaluationResult, ResultTable

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]
Coordinates = Literal["universal", "metric"]

NUM_SEQUENCES = 20
MATCHED_JOINTS = slice(1, 14)
#: A predicted joint matches where both |Δx| and |Δy| are below this.
MATCH_THRESHOLD_PX = 40.0
SCORED_JOINTS = slice(0, 14)
ROOT = MUPOTS_17.index("Pelvis")
#: (parent, child), each parent before its children.
BONES = (
    (14, 15), (15, 1), (1, 0), (1, 16), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7),
    (14, 8), (8, 9), (9, 10), (14, 11), (11, 12), (12, 13),
)  # fmt: skip


def match_people(true_px: FloatArray, predicted_px: FloatArray) -> IntArray:
    """(N,) prediction of each true person of one image; −1 for none.

    True people choose in turn: the free prediction with the most matching joints, at least one,
    and the earlier one on a tie. A predicted joint at exactly (0, 0) counts as absent.

    Args:
        true_px: (N, 17, 2).
        predicted_px: (P, 17, 2).
    """
    chosen = np.full(len(true_px), -1)
    if not len(predicted_px):
        return chosen
    predicted_px = predicted_px[:, MATCHED_JOINTS]
    is_present = (predicted_px != 0).any(axis=-1)
    is_free = np.ones(len(predicted_px), bool)
    for person, joints_px in enumerate(true_px[:, MATCHED_JOINTS]):
        is_near = (np.abs(predicted_px - joints_px) < MATCH_THRESHOLD_PX).all(axis=-1)
        matching = (is_near & is_present).sum(axis=1) * is_free
        best = int(np.argmax(matching))
        if matching[best] > 0:
            chosen[person], is_free[best] = best, False
    return chosen


def rescale_bones(predicted_mm: FloatArray, truth_mm: FloatArray) -> FloatArray:
    """Give (N, 17, 3) predictions the bone lengths of their truth; the pelvis stays.

    Each bone keeps its predicted direction; one without length has none, and its child falls on
    its parent.
    """
    rescaled = predicted_mm.astype(np.float64)
    for parent, child in BONES:
        bone = predicted_mm[:, child] - predicted_mm[:, parent]
        length = np.linalg.norm(bone, axis=-1, keepdims=True)
        true_length = np.linalg.norm(
            truth_mm[:, child] - truth_mm[:, parent], axis=-1, keepdims=True
        )
        direction = np.divide(bone, length, out=np.zeros_like(rescaled[:, 0]), where=length > 0)
        rescaled[:, child] = rescaled[:, parent] + direction * true_length
    return rescaled


def mupots_errors(
    samples: PoseSamples,
    predictions: Predictions,
    truth: MupotsTruth,
    *,
    absolute: bool = False,
    coordinates: Coordinates = "universal",
) -> tuple[FloatArray, IntArray]:
    """(N, 17) errors in mm of the true people, NaN where nobody matched, and (N,) rows matched.

    Args:
        samples: whose images ``truth`` and ``predictions`` count.
        predictions: any number per image.
        truth: from :func:`~mobilehumanpose.evaluate.mupots_truth.read_mupots_truth`.
        absolute: compare in camera space rather than around the pelvis.
        coordinates: which truth to compare with.

    Raises:
        UserError: joints are missing, numbers are not finite, or the truth or the predictions lack
            what is asked for.
    """
    truth_mm = truth.universal_mm if coordinates == "universal" else truth.metric_mm
    if truth_mm is None:
        raise UserError("this truth has no universal poses; read the official annot.mat")
    if absolute and not predictions.is_absolute:
        raise UserError("an absolute metric was asked of predictions that are root-relative")
    predicted_px, predicted_mm = predicted_joints(predictions, MUPOTS_17, samples)
    order = np.argsort(predictions.image_index, kind="stable")
    sorted_images = predictions.image_index[order]
    rows = np.full(len(truth.image_index), -1)
    for image in np.unique(truth.image_index):
        people = np.flatnonzero(truth.image_index == image)
        first, last = np.searchsorted(sorted_images, [image, image + 1])
        here = order[first:last]
        chosen = match_people(truth.keypoints_px[people], predicted_px[here])
        rows[people[chosen >= 0]] = here[chosen[chosen >= 0]]

    matched = rows >= 0
    predicted, true = predicted_mm[rows[matched]], truth_mm[matched]
    if not absolute:
        predicted = predicted - predicted[:, [ROOT]]
        true = true - true[:, [ROOT]]
    errors = np.full(truth_mm.shape[:2], np.nan)
    errors[matched] = np.linalg.norm(rescale_bones(predicted, true) - true, axis=-1)
    return errors, rows


def evaluate_mupots(
    samples: PoseSamples,
    predictions: Predictions,
    *,
    truth: MupotsTruth | None = None,
    coordinates: Coordinates = "universal",
) -> EvaluationResult:
    """3DPCK, AUC and MPJPE per sequence and averaged; absolute ones too where that is predicted.

    Args:
        samples: the test set, whose images the predictions count.
        predictions: any number per image.
        truth: from the official files; None takes the metric poses of ``samples``, with a warning.
        coordinates: which of the official truth's poses to compare with.

    Returns:
        Figures of matched people and of all annotated ones; ``joint_errors`` are root-relative.

    Raises:
        UserError: joints are missing, numbers are not finite, an image is none of MuPoTS-3D, or
            nobody is annotated.
    """
    warnings = []
    if truth is None:
        truth, coordinates = MupotsTruth.from_samples(samples), "metric"
        warnings.append(
            "Compared with metric poses: published figures use the universal (height-normalised) "
            "ones of the official annot.mat."
        )
    warnings += truth.warnings
    sequences = np.unique(truth.sequence)
    if not len(sequences):
        raise UserError("nobody is annotated in these images of MuPoTS-3D")
    if len(sequences) < NUM_SEQUENCES:
        warnings.append(
            f"Averages are over {len(sequences)} of the {NUM_SEQUENCES} sequences: not comparable."
        )

    errors, rows = mupots_errors(samples, predictions, truth, coordinates=coordinates)
    columns = _rates(errors, truth.sequence, "rel")
    if predictions.is_absolute:
        absolute, _ = mupots_errors(
            samples, predictions, truth, absolute=True, coordinates=coordinates
        )
        columns |= _rates(absolute, truth.sequence, "abs")
        if predictions.uses_true_roots:
            warnings.append(
                "3DPCK_abs and AUC_abs mean nothing here: the roots were taken from the truth."
            )
    by_sequence = [errors[truth.sequence == sequence] for sequence in sequences]
    mpjpe = {
        "14 scored joints": [mean_known(people[:, SCORED_JOINTS]) for people in by_sequence],
        "16 joints, no pelvis": [
            mean_known(np.delete(people, ROOT, axis=1)) for people in by_sequence
        ],
        "17 joints": [mean_known(people) for people in by_sequence],
    }
    names = tuple(f"TS{sequence}" for sequence in sequences)
    unmatched = [n for n, e in zip(names, by_sequence, strict=True) if np.isnan(e).all()]
    if unmatched:
        warnings.append(
            f"Nobody was matched in {', '.join(unmatched)}: left out of the matched-only averages."
        )
    rates = _table("3DPCK at 150 mm and AUC over 0…150 mm, 14 joints", "%", names, columns)
    lengths = _table("MPJPE of matched people, bones rescaled", "mm", names, mpjpe)
    people = ResultTable(
        title="People",
        unit="",
        row_names=(*names, "Total"),
        column_names=("annotated", "matched"),
        values=np.array(
            [[len(e), int((~np.isnan(e[:, 0])).sum())] for e in [*by_sequence, errors]], float
        ),
        higher_is_better=True,
    )
    headline = {f"{name}, %": float(rates.values[-1, i]) for i, name in enumerate(columns)}
    headline |= {
        f"MPJPE matched, {name}, mm": float(lengths.values[-1, i]) for i, name in enumerate(mpjpe)
    }
    return EvaluationResult(
        protocol=(
            f"MuPoTS-3D, {coordinates} poses: people matched by 13 joints within 40 px, predicted "
            "bones given the true lengths, 3DPCK at 150 mm over 14 joints, plain mean over "
            "sequences; rel: around the pelvis, abs: in camera space"
        ),
        headline=headline,
        tables=(rates, lengths, people),
        joint_names=MUPOTS_17.joint_names,
        joint_errors=errors,
        error_unit="mm",
        image_index=truth.image_index,
        people_index=rows,
        sample_index=truth.sample_index,
        warnings=tuple(warnings),
    )


def _rates(errors: FloatArray, sequence: IntArray, kind: str) -> dict[str, list[float]]:
    """Percentages per sequence: of all annotated people, and of the matched ones."""
    names = [f"{m}_{kind} {who}" for m in ("3DPCK", "AUC") for who in ("all", "matched")]
    columns: dict[str, list[float]] = {name: [] for name in names}
    for number in np.unique(sequence):
        people = errors[sequence == number][:, SCORED_JOINTS]
        for metric, rate in (("3DPCK", pck3d), ("AUC", auc3d)):
            # Nobody matched: infinitely far, as the huge constant of the MATLAB script says.
            columns[f"{metric}_{kind} all"].append(100 * rate(np.nan_to_num(people, nan=np.inf)))
            columns[f"{metric}_{kind} matched"].append(100 * rate(people))
    return columns


def _table(
    title: str, unit: str, names: tuple[str, ...], columns: dict[str, list[float]]
) -> ResultTable:
    """A row per sequence and their plain mean, which leaves NaN out."""
    values = np.array(list(columns.values())).T
    average = [mean_known(column) for column in values.T]
    return ResultTable(
        title=title,
        unit=unit,
        row_names=(*names, "Average"),
        column_names=tuple(columns),
        values=np.vstack([values, average]),
        higher_is_better=unit == "%",
    )
