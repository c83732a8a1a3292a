"""Metrics on arrays, named for what they measure.

"PA-MPJPE" means different things in different papers: :func:`pa_mpjpe` aligns by rotation,
translation and scale; :func:`pa_mpjpe_rigid` without scale, as MobileHumanPose does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geometry import rigid_align, similarity_align

FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]
Align = Callable[[FloatArray, FloatArray], FloatArray]

#: The distance that 3DPCK of MPI-INF-3DHP and MuPoTS-3D still counts as found: about half a head
#: (Mehta et al., 3DV 2017).
PCK3D_THRESHOLD_MM = 150.0
#: Thresholds of the area under the 3DPCK curve: ``0:5:150`` in the MATLAB kit of MPI-INF-3DHP.
AUC3D_THRESHOLDS_MM = np.linspace(0.0, 150.0, 31)


def joint_distances(
    predicted: FloatArray, truth: FloatArray, align: Align | None = None
) -> FloatArray:
    """(N, J) distances between (N, J, D) poses, in their unit.

    Args:
        predicted: (N, J, D).
        truth: (N, J, D).
        align: moves each (J, D) prediction onto its truth first, e.g.
            :func:`~mobilehumanpose.geometry.rigid_align`; all joints take part.
    """
    if align is not None and len(predicted):
        predicted = np.stack(
            [align(one, other) for one, other in zip(predicted, truth, strict=True)]
        )
    return np.linalg.norm(predicted - truth, axis=-1)


def mpjpe(predicted: FloatArray, truth: FloatArray, known: BoolArray | None = None) -> float:
    """Mean distance over the known joints of (N, J, D) poses, in their unit."""
    return _mean(joint_distances(predicted, truth), known)


def pa_mpjpe(predicted: FloatArray, truth: FloatArray, known: BoolArray | None = None) -> float:
    """:func:`mpjpe` after each pose is turned, shifted and scaled onto its truth.

    All joints take part in the alignment, the ``known`` ones in the mean.
    """
    return _mean(joint_distances(predicted, truth, similarity_align), known)


def pa_mpjpe_rigid(
    predicted: FloatArray, truth: FloatArray, known: BoolArray | None = None
) -> float:
    """:func:`mpjpe` after each pose is turned and shifted, but not scaled, onto its truth."""
    return _mean(joint_distances(predicted, truth, rigid_align), known)


def _mean(distances: FloatArray, known: BoolArray | None) -> float:
    return float(distances.mean() if known is None else distances[known].mean())


def mean_known(errors: FloatArray) -> float:
    """Mean of what is not NaN; NaN where there is nothing."""
    known = errors[~np.isnan(errors)]
    return float(known.mean()) if known.size else float("nan")


def percentile_known(errors: FloatArray, percent: float) -> float:
    """Percentile of what is not NaN; NaN where there is nothing."""
    known = errors[~np.isnan(errors)]
    return float(np.percentile(known, percent)) if known.size else float("nan")


def pck3d(distances_mm: FloatArray, threshold_mm: float = PCK3D_THRESHOLD_MM) -> float:
    """Share of joint distances below ``threshold_mm``; those that are NaN are not counted.

    NaN where there is nothing to count.
    """
    return mean_known(np.where(np.isnan(distances_mm), np.nan, distances_mm < threshold_mm))


def auc3d(distances_mm: FloatArray) -> float:
    """Mean of :func:`pck3d` over the 31 thresholds 0, 5, … 150 mm.

    No distance is below 0, so that a perfect result has 30/31.
    """
    return float(np.mean([pck3d(distances_mm, threshold) for threshold in AUC3D_THRESHOLDS_MM]))


class RootError(NamedTuple):
    """Mean root position error in mm: the distance, and its parts along the camera's axes."""

    total: float
    x: float
    y: float
    z: float


def mrpe(predicted_mm: FloatArray, truth_mm: FloatArray) -> RootError:
    """Mean distance between (N, 3) root positions, and mean absolute error along x, y and z.

    As RootNet reports it (Moon et al., ICCV 2019).
    """
    difference = predicted_mm - truth_mm
    x, y, z = np.abs(difference).mean(axis=0)
    total = np.linalg.norm(difference, axis=-1).mean()
    return RootError(total=float(total), x=float(x), y=float(y), z=float(z))


def pck(
    predicted_px: FloatArray,
    truth_px: FloatArray,
    known: BoolArray,
    reference_px: FloatArray,
    threshold: float = 0.2,
) -> float:
    """Share of known joints nearer to the truth than ``threshold`` × their person's reference.

    Args:
        predicted_px: (N, J, 2).
        truth_px: (N, J, 2).
        known: (N, J).
        reference_px: (N,) e.g. torso lengths; a person with NaN is left out.
        threshold: share of the reference that still counts as found.
    """
    distance = np.linalg.norm(predicted_px - truth_px, axis=-1)
    counted = known & np.isfinite(reference_px)[:, None]
    return float((distance < threshold * reference_px[:, None])[counted].mean())
