"""Synthetic people that training never shows: 3D joints, angles of limbs, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..angles import joint_angles_degrees
from ..data.samples import PoseSamples
from ..errors import UserError
from ..geometry import similarity_align
from ..skeleton import MUPOTS_17, map_joints
from ..upright import torso_lean_degrees
from .inputs import one_to_one, predicted_joints
from .metrics import mean_known, mrpe, pck3d, percentile_known
from .predictions import Predictions
from .results import EvaluationResult, ResultTable

FloatArray = NDArray[np.float64]

ROOT = MUPOTS_17.index("Pelvis")
#: Fewer joints than this can be laid upon one another in too many ways.
MIN_ALIGNED_JOINTS = 4
#: How far a trunk leans in the picture at least: standing and sitting, leaning, upside down.
LEAN_DEGREES = {"upright": 0.0, "leaning by 30° and more": 30.0, "by 90° and more": 90.0}


def evaluate_synth(samples: PoseSamples, predictions: Predictions) -> EvaluationResult:
    """MPJPE, PA-MPJPE and 3DPCK over the joints in the picture; errors of angles and of roots.

    Args:
        samples: one person a picture, with camera and root; joints outside the picture are not
            labelled and do not count.
        predictions: one for each picture, placed in camera space.

    Returns:
        The figures over the 17 joints of MuPoTS-3D, also by how far people lean.

    Raises:
        UserError: predictions and samples are not one to one, joints are missing, or the
            predictions are root-relative.
    """
    if not predictions.is_absolute:
        raise UserError("root positions were asked of predictions that are root-relative")
    _, predicted = predicted_joints(predictions, MUPOTS_17, samples)
    rows = one_to_one(samples.image_index, predictions, samples)
    predicted = predicted[rows]
    known = (samples.has_px & samples.has_depth)[:, samples.skeleton.indices(MUPOTS_17.joint_names)]
    truth, _ = map_joints(
        np.stack([samples.keypoints_mm(person) for person in range(len(samples))]),
        samples.skeleton,
        MUPOTS_17,
    )
    roots_mm = samples.roots_mm.astype(np.float64)
    relative, true = predicted - predicted[:, [ROOT]], truth - roots_mm[:, None]
    errors_mm = np.where(known, np.linalg.norm(relative - true, axis=-1), np.nan)
    aligned_mm = _aligned_errors(relative, true, known)
    root_errors = mrpe(predicted[:, ROOT], roots_mm)
    root_distances_mm = np.linalg.norm(predicted[:, ROOT] - roots_mm, axis=-1)

    lean = np.array(
        [
            abs(torso_lean_degrees(px, labelled, samples.skeleton) or 0.0)
            for px, labelled in zip(samples.keypoints_px, samples.has_px, strict=True)
        ]
    )
    edges = [*LEAN_DEGREES.values(), np.inf]
    groups = {
        f"{name} ({mask.sum()})": mask
        for (name, low), high in zip(LEAN_DEGREES.items(), edges[1:], strict=True)
        for mask in [(lean >= low) & (lean < high)]
    } | {f"all ({len(lean)})": np.ones(len(lean), bool)}
    lengths = [[mean_known(errors_mm[m]), mean_known(aligned_mm[m])] for m in groups.values()]
    rates = [[100 * pck3d(errors_mm[mask])] for mask in groups.values()]
    return EvaluationResult(
        protocol=(
            "synthetic people of held-out motions, one a picture: 17 joints as far as they are in "
            "the picture, around the pelvis; PA-MPJPE with scale; 3DPCK at 150 mm; roots in "
            "camera space"
        ),
        headline={
            "MPJPE, mm": lengths[-1][0],
            "PA-MPJPE, mm": lengths[-1][1],
            "3DPCK, %": rates[-1][0],
            "MRPE, mm": root_errors.total,
        },
        tables=(
            ResultTable(
                title="Error by how far the trunk leans in the picture",
                unit="mm",
                row_names=tuple(groups),
                column_names=("MPJPE", "PA-MPJPE"),
                values=np.array(lengths),
            ),
            ResultTable(
                title="Joints within 150 mm, likewise",
                unit="%",
                row_names=tuple(groups),
                column_names=("3DPCK",),
                values=np.array(rates),
                higher_is_better=True,
            ),
            _angle_table(relative, np.where(known[..., None], true, np.nan), groups),
            ResultTable(
                title="Root position error",
                unit="mm",
                row_names=("Mean", "Median"),
                column_names=("distance",),
                values=np.array([[root_errors.total], [np.median(root_distances_mm)]]),
            ),
        ),
        joint_names=MUPOTS_17.joint_names,
        joint_errors=errors_mm,
        error_unit="mm",
        image_index=samples.image_index,
        people_index=rows,
    )


def _angle_table(
    predicted: FloatArray, truth: FloatArray, groups: Mapping[str, NDArray[np.bool_]]
) -> ResultTable:
    """How far angles between limbs are from the true ones, both sides of the body together.

    Args:
        predicted: (N, 17, 3) around the pelvis.
        truth: (N, 17, 3), NaN where a joint is not known.
        groups: (N,) masks of people, by name.
    """
    found, true = (joint_angles_degrees(positions, MUPOTS_17) for positions in (predicted, truth))
    errors: dict[str, list[FloatArray]] = {}
    for name, degrees in found.items():
        side_less = name.removeprefix("R_").removeprefix("L_")
        errors.setdefault(side_less, []).append(np.abs(degrees - true[name]))
    shares = {"median": 50, "90 % within": 90}
    return ResultTable(
        title="Error of angles between limbs (mhp predict --format csv)",
        unit="°",
        row_names=tuple(errors),
        column_names=tuple(f"{group}: {share}" for group in groups for share in shares),
        values=np.array(
            [
                [
                    percentile_known(np.concatenate([side[mask] for side in sides]), percent)
                    for mask in groups.values()
                    for percent in shares.values()
                ]
                for sides in errors.values()
            ]
        ),
    )


def _aligned_errors(
    predicted: FloatArray, truth: FloatArray, known: NDArray[np.bool_]
) -> FloatArray:
    """(N, J) distances after each pose is laid upon its truth by its known joints; else NaN."""
    errors = np.full(known.shape, np.nan)
    for person, joints in enumerate(known):
        if joints.sum() >= MIN_ALIGNED_JOINTS:
            target = truth[person, joints]
            aligned = similarity_align(predicted[person, joints], target)
            errors[person, joints] = np.linalg.norm(aligned - target, axis=-1)
    return errors
