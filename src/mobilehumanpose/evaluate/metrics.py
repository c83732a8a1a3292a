"""Metrics on arrays, named for what they measure.

"PA-MPJPE" means different things in different papers: :func:`pa_mpjpe` aligns by rotation,
translation and scale; :func:`pa_mpjpe_rigid` without scale, as MobileHumanPose does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..geometry import rigid_align, similarity_align

FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]


def mpjpe(predicted: FloatArray, truth: FloatArray, known: BoolArray | None = None) -> float:
    """Mean distance over the known joints of (N, J, D) poses, in their unit."""
    distance = np.linalg.norm(predicted - truth, axis=-1)
    return float(distance.mean() if known is None else distance[known].mean())


def pa_mpjpe(predicted: FloatArray, truth: FloatArray, known: BoolArray | None = None) -> float:
    """:func:`mpjpe` after each pose is turned, shifted and scaled onto its truth.

    All joints take part in the alignment, the ``known`` ones in the mean.
    """
    return mpjpe(_aligned(predicted, truth, similarity_align), truth, known)


def pa_mpjpe_rigid(
    predicted: FloatArray, truth: FloatArray, known: BoolArray | None = None
) -> float:
    """:func:`mpjpe` after each pose is turned and shifted, but not scaled, onto its truth."""
    return mpjpe(_aligned(predicted, truth, rigid_align), truth, known)


def _aligned(
    predicted: FloatArray, truth: FloatArray, align: Callable[[FloatArray, FloatArray], FloatArray]
) -> FloatArray:
    return np.stack([align(one, other) for one, other in zip(predicted, truth, strict=True)])


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
