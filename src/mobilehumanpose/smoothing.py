"""Poses without jitter: the one-euro filter of Casiez, Roussel & Vogel (CHI 2012).

A low-pass filter whose cut-off frequency rises with the speed of what it follows: what rests is
held still, what moves is hardly delayed. Speeds count in sizes of the person a second, so that
the same constants hold for people near and far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .geometry import back_project
from .results import Pose

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class OneEuroConstants:
    """How much is smoothed.

    Attributes:
        min_cutoff_hz: cut-off frequency at rest; lower is stiller.
        beta: how much the cut-off rises, in Hz, with each size a second of speed; higher lags less.
        derivative_cutoff_hz: cut-off frequency of the speed's own low-pass filter.
    """

    min_cutoff_hz: float
    beta: float
    derivative_cutoff_hz: float

    def __post_init__(self) -> None:
        for name in ("min_cutoff_hz", "derivative_cutoff_hz"):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"{name} is {getattr(self, name)}: it must be above 0")
        if not 0 <= self.beta < math.inf:
            raise UserError(f"beta is {self.beta}: it must not be below 0")


#: MediaPipe's for the landmarks of its pose pipeline (pose_landmark_filtering.pbtxt).
POSE_CONSTANTS = OneEuroConstants(min_cutoff_hz=0.05, beta=80.0, derivative_cutoff_hz=1.0)


class OneEuroFilter:
    """Smooths an array over time, each number for itself."""

    def __init__(self, constants: OneEuroConstants) -> None:
        self.constants = constants
        self._time_s: float | None = None
        self._raw: FloatArray = np.empty(0)
        self._speed: FloatArray = np.empty(0)
        self._smooth: FloatArray = np.empty(0)

    def __call__(self, values: FloatArray, time_s: float, size: float = 1.0) -> FloatArray:
        """The smoothed values at a time.

        Args:
            values: any shape, the same at every call.
            time_s: later than the one before. The first values come back as they are.
            size: the person's, in the unit of the values.

        Raises:
            UserError: the time does not come after the one before, a number is not finite, or the
                size is not positive.
        """
        values = np.array(values, np.float64)  # the caller's may change afterwards
        if not np.isfinite(values).all() or not 0 < size < math.inf:
            raise UserError(f"values of a person of size {size}: they must be finite, it positive")
        if not math.isfinite(time_s):
            raise UserError(f"time {time_s} s is not finite")
        if self._time_s is None:
            self._speed, self._smooth = np.zeros_like(values), values
        else:
            passed_s = time_s - self._time_s
            if passed_s <= 0:
                raise UserError(f"time {time_s} s does not come after {self._time_s} s")
            constants = self.constants
            speed = (values - self._raw) / (size * passed_s)
            share = _share_of_new(constants.derivative_cutoff_hz, passed_s)
            self._speed = self._speed + share * (speed - self._speed)
            cutoff_hz = constants.min_cutoff_hz + constants.beta * np.abs(self._speed)
            share = _share_of_new(cutoff_hz, passed_s)
            self._smooth = self._smooth + share * (values - self._smooth)
        self._time_s, self._raw = time_s, values
        return self._smooth.copy()  # and so may what the caller gets


def _share_of_new(cutoff_hz: FloatArray | float, passed_s: float) -> FloatArray | float:
    """The weight of a new value in a low-pass filter of the first order."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * passed_s))


class PoseSmoother:
    """Smooths one person's poses over time."""

    def __init__(self, constants: OneEuroConstants = POSE_CONSTANTS) -> None:
        self._place, self._depth, self._distance = (OneEuroFilter(constants) for _ in range(3))

    def __call__(self, pose: Pose, time_s: float) -> Pose:
        """The pose with smooth positions, which still project onto its pixels.

        What is smoothed: pixels, in units of the box's side; each joint's depth behind the root,
        in units of that side at the person's distance; and the distance, in units of itself.

        Raises:
            UserError: the time does not come after the one before.
        """
        root = pose.skeleton.root
        side_px, distance_mm = float(pose.box_xywh[2]), pose.keypoints_mm[root, 2]
        side_mm = float(side_px * distance_mm / pose.camera.focal_px[0])
        keypoints_px = self._place(pose.keypoints_px, time_s, side_px)
        depth_mm = self._depth(pose.root_relative_mm[:, 2], time_s, side_mm)
        distance_mm = self._distance(distance_mm, time_s, float(distance_mm))
        keypoints_mm = back_project(keypoints_px, distance_mm + depth_mm, pose.camera)
        return replace(
            pose,
            keypoints_px=keypoints_px,
            keypoints_mm=keypoints_mm,
            root_relative_mm=keypoints_mm - keypoints_mm[root],
        )
