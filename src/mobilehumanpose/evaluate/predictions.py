"""Predicted people of a whole test set as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..skeleton import Skeleton


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """P predicted people, in any order, any number per image.

    Attributes:
        skeleton: the J joints.
        image_index: (P,) index into the images of the test set's ``PoseSamples``.
        keypoints_px: (P, J, 2).
        keypoints_mm: (P, J, 3) camera space; absolute only if ``is_absolute``.
        scores: (P,) of each person; ones where the source has none.
        is_absolute: whether ``keypoints_mm`` holds positions in camera space, or only poses
            around the root.
        uses_true_roots: whether the root's place was taken from the truth, so that no absolute
            metric means anything.
        joint_scores: (P, J) where each joint has its own; None where the source has none.
    """

    skeleton: Skeleton
    image_index: NDArray[np.integer]
    keypoints_px: NDArray[np.floating]
    keypoints_mm: NDArray[np.floating]
    scores: NDArray[np.floating]
    is_absolute: bool
    uses_true_roots: bool = False
    joint_scores: NDArray[np.floating] | None = None

    def __post_init__(self) -> None:
        people, joints = len(self.image_index), self.skeleton.num_joints
        shapes: dict[str, tuple[int, ...]] = {
            "keypoints_px": (people, joints, 2),
            "keypoints_mm": (people, joints, 3),
        }
        shapes |= {"scores": (people,)}
        if self.joint_scores is not None:
            shapes |= {"joint_scores": (people, joints)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {shape}")

    def __len__(self) -> int:
        return len(self.image_index)
