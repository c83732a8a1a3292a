"""How well people are placed in space: root position error, and average precision of roots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..data.samples import PoseSamples
from ..errors import UserError
from ..skeleton import Skeleton
from .inputs import image_label, one_to_one, predicted_joints
from .metrics import mrpe
from .predictions import Predictions
from .results import EvaluationResult, ResultTable

#: AP_root@25cm.
ROOT_THRESHOLD_MM = 250.0

_TRUE_ROOTS = "The roots were taken from the truth: these figures mean nothing."


def evaluate_mrpe(samples: PoseSamples, predictions: Predictions) -> EvaluationResult:
    """Mean root position error of one prediction per image, and its parts along x, y and z.

    Raises:
        UserError: predictions and samples are not one to one, or a root is unknown or
            root-relative.
    """
    truth, predicted = _roots(samples, predictions)
    rows = one_to_one(samples.image_index, predictions, samples)
    errors = mrpe(predicted[rows], truth)
    return _result(
        protocol="mean root position error (MRPE) in camera space, one person per image",
        headline={
            "MRPE, mm": errors.total,
            "MRPE x, mm": errors.x,
            "MRPE y, mm": errors.y,
            "MRPE z, mm": errors.z,
        },
        tables=(
            ResultTable(
                title="Root position error",
                unit="mm",
                row_names=("Mean",),
                column_names=("distance", "x", "y", "z"),
                values=np.array([errors]),
            ),
        ),
        distances=np.linalg.norm(predicted[rows] - truth, axis=-1),
        samples=samples,
        predictions=predictions,
        rows=rows,
    )


def evaluate_root_ap(samples: PoseSamples, predictions: Predictions) -> EvaluationResult:
    """AP_root@25cm of any number of predictions per image.

    Predictions are taken from the highest score down. One is right where the true root nearest to
    it in its image is less than 250 mm away and not found yet; those in images without a true
    person do not count, as in RootNet. AP is Σ precision · growth of recall, without
    interpolation. RootNet's sum leaves out its first term, at most one over the number of people.

    Raises:
        UserError: a root is unknown or root-relative, or there is nobody to find.
    """
    truth, predicted = _roots(samples, predictions)
    if not len(truth):
        raise UserError("AP of roots: these samples have no people to find")
    people_of = {
        image: np.flatnonzero(samples.image_index == image)
        for image in np.unique(samples.image_index)
    }
    rows = np.full(len(truth), -1)
    distances = np.full(len(truth), np.nan)
    is_right = []
    for row in np.argsort(-predictions.scores, kind="stable"):
        people = people_of.get(predictions.image_index[row])
        if people is None:
            continue
        distance = np.linalg.norm(truth[people] - predicted[row], axis=-1)
        nearest = people[np.argmin(distance)]
        is_right.append(bool(distance.min() < ROOT_THRESHOLD_MM and rows[nearest] < 0))
        if is_right[-1]:
            rows[nearest], distances[nearest] = row, distance.min()
    found = np.cumsum(is_right)
    precision = found / np.arange(1, len(found) + 1)
    # Recall grows by one person at every right prediction, else not at all.
    average_precision = 100 * float(precision[np.array(is_right, bool)].sum()) / len(truth)
    recall = 100 * float((rows >= 0).mean())
    return _result(
        protocol="average precision of roots within 250 mm, predictions by falling score",
        headline={"AP_root@25cm, %": average_precision, "Recall of roots@25cm, %": recall},
        tables=(),
        distances=distances,
        samples=samples,
        predictions=predictions,
        rows=rows,
    )


def _roots(
    samples: PoseSamples, predictions: Predictions
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 3) true and (P, 3) predicted roots."""
    if not predictions.is_absolute:
        raise UserError("root positions were asked of predictions that are root-relative")
    unknown = ~np.isfinite(samples.roots_mm).all(axis=1)
    if unknown.any():
        image = int(samples.image_index[np.argmax(unknown)])
        raise UserError(f"{image_label(samples, image)}: lacks the root position")
    _, predicted = predicted_joints(predictions, root_only(samples.skeleton), samples)
    return samples.roots_mm.astype(np.float64), predicted[:, 0]


def root_only(skeleton: Skeleton) -> Skeleton:
    """The joint set of nothing but a skeleton's root.

    Raises:
        UserError: it has none.
    """
    if skeleton.root is None:
        raise UserError(f"labels of joint set {skeleton.name!r} have no root joint")
    name = skeleton.joint_names[skeleton.root]
    return Skeleton(name="root", joint_names=(name,), edges=(), flip_pairs=(), root=0)


def _result(
    *,
    protocol: str,
    headline: dict[str, float],
    tables: tuple[ResultTable, ...],
    distances: NDArray[np.floating],
    samples: PoseSamples,
    predictions: Predictions,
    rows: NDArray[np.integer],
) -> EvaluationResult:
    return EvaluationResult(
        protocol=protocol,
        headline=headline,
        tables=tables,
        joint_names=root_only(samples.skeleton).joint_names,
        joint_errors=distances[:, None],
        error_unit="mm",
        image_index=samples.image_index,
        people_index=rows,
        sample_index=np.arange(len(samples)),
        warnings=(_TRUE_ROOTS,) if predictions.uses_true_roots else (),
    )
