"""LSP Extended: joints found in photographs, and depth against what the teacher says of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..data.lspet import torso_length_px
from ..data.samples import PoseSamples
from ..errors import UserError
from ..skeleton import LIMB_JOINTS, MUCO_21, Skeleton
from .inputs import one_to_one, predicted_joints
from .metrics import mean_known
from .predictions import Predictions
from .results import EvaluationResult, ResultTable

#: A joint is found where it lies nearer to its label than this share of the torso's length.
PCK_THRESHOLD = 0.2
#: The limb joints, which are measured, and the root, which absolute depths are taken from.
LIMBS_AND_ROOT = Skeleton(
    name="limbs-13",
    joint_names=(*LIMB_JOINTS, "Pelvis"),
    edges=(),
    flip_pairs=(),
    root=len(LIMB_JOINTS),
)
_SCORE_BINS = 5


def evaluate_lspet(samples: PoseSamples, predictions: Predictions) -> EvaluationResult:
    """PCK@0.2 of the torso's length and depth error of one prediction per photograph.

    Args:
        samples: labels with the 21 joints of MuCo; PCK is over those people whose shoulders and
            hips are all labelled, which give the torso's length.
        predictions: one per photograph. Depth is z around the root, or z less the pelvis's where
            the predictions are absolute.

    Returns:
        Both figures, by joint too; where the predictions have scores of joints, also how many of
        the joints of like score were found.

    Raises:
        UserError: predictions and samples are not one to one, joints are missing, or nobody has
            a torso.
    """
    px, mm = predicted_joints(predictions, LIMBS_AND_ROOT, samples)
    rows = one_to_one(samples.image_index, predictions, samples)
    torso_px = torso_length_px(samples.keypoints_px, samples.has_px).astype(np.float64)
    measured = np.isfinite(torso_px)
    if not measured.any():
        raise UserError("nobody here has all shoulders and hips labelled, which PCK needs")
    limbs = MUCO_21.indices(LIMB_JOINTS)
    count = len(LIMB_JOINTS)

    distance_px = np.linalg.norm(px[rows, :count] - samples.keypoints_px[:, limbs], axis=-1)
    known = samples.has_px[:, limbs] & measured[:, None]
    share = np.where(known, distance_px / torso_px[:, None], np.nan)
    found = np.where(known, share < PCK_THRESHOLD, np.nan)

    depth_mm = mm[rows, :count, 2]
    if predictions.is_absolute:
        depth_mm = depth_mm - mm[rows, count:, 2]
    depth_error_mm = np.where(
        samples.has_depth[:, limbs], np.abs(depth_mm - samples.depth_mm[:, limbs]), np.nan
    )

    def by_joint(values: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.array([[mean_known(column)] for column in (*values.T, values)])

    tables = [
        ResultTable(
            title=f"PCK@{PCK_THRESHOLD:g} of the torso by joint",
            unit="%",
            row_names=(*LIMB_JOINTS, "All"),
            column_names=("PCK",),
            values=100 * by_joint(found),
            higher_is_better=True,
        ),
        ResultTable(
            title="Distance in depth to the teacher by joint",
            unit="mm",
            row_names=(*LIMB_JOINTS, "All"),
            column_names=("depth",),
            values=by_joint(depth_error_mm),
        ),
    ]
    if predictions.joint_scores is not None:
        names = predictions.skeleton.indices(LIMB_JOINTS)
        tables.append(_by_score(predictions.joint_scores[rows][:, names], found))
    return EvaluationResult(
        protocol=(
            "Leeds Sports Pose Extended, its validation tenth: 12 limb joints; PCK@0.2 of the "
            f"torso over the {measured.sum()} people whose torso is labelled; depth against "
            "BlazePose GHUM heavy, a teacher and no truth"
        ),
        headline={
            "PCK@0.2 of the torso, %": 100 * mean_known(found),
            "Depth to the teacher, mm": mean_known(depth_error_mm),
        },
        tables=tuple(tables),
        joint_names=LIMB_JOINTS,
        joint_errors=100 * share[measured],
        error_unit="% of the torso",
        image_index=samples.image_index[measured],
        people_index=rows[measured],
    )


def _by_score(scores: NDArray[np.floating], found: NDArray[np.floating]) -> ResultTable:
    """Whether the score tells how many joints are found: then each row is about its own score."""
    known = ~np.isnan(found)
    bins = np.minimum((scores * _SCORE_BINS).astype(int), _SCORE_BINS - 1)
    chosen = [known & (bins == number) for number in range(_SCORE_BINS)]
    edges = np.linspace(0, 1, _SCORE_BINS + 1)
    return ResultTable(
        title="Joints found, by their score",
        unit="%",
        row_names=tuple(
            f"{low:.1f}–{high:.1f} ({mask.sum()} joints)"
            for low, high, mask in zip(edges[:-1], edges[1:], chosen, strict=True)
        ),
        column_names=("found",),
        values=np.array([[100 * mean_known(found[mask])] for mask in chosen]),
        higher_is_better=True,
    )
