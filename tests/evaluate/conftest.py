"""People made of joints in camera space, as truth and as predictions."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from mobilehumanpose.data.samples import PoseSamples
from mobilehumanpose.evaluate.predictions import Predictions
from mobilehumanpose.geometry import Camera, project
from mobilehumanpose.skeleton import Skeleton

CAMERA = Camera(focal_px=(1000.0, 1000.0), center_px=(500.0, 500.0))


@pytest.fixture
def make_samples() -> Callable[..., PoseSamples]:
    """Truth from (N, J, 3) mm; image names count from 0 unless given, ids are 100 + index."""

    def make(
        joints_mm: np.ndarray,
        skeleton: Skeleton,
        *,
        image_index: Sequence[int] | None = None,
        image_names: Sequence[str] | None = None,
        image_tags: dict[str, Any] | None = None,
    ) -> PoseSamples:
        people = len(joints_mm)
        index = np.arange(people) if image_index is None else np.array(image_index)
        names = image_names or [f"{i}.jpg" for i in range(people)]
        roots = joints_mm[:, skeleton.root]
        tags = {name: np.array(values, np.int32) for name, values in (image_tags or {}).items()}
        return PoseSamples(
            skeleton=skeleton,
            image_names=np.array([name.encode() for name in names]),
            image_sizes=np.full((len(names), 2), 1000, np.int32),
            image_ids=np.arange(len(names)) + 100,
            cameras=np.tile(np.float32([1000, 1000, 500, 500]), (len(names), 1)),
            image_tags=tags,
            image_index=index.astype(np.int32),
            boxes_xywh=np.tile(np.float32([100, 110, 300, 300]), (people, 1)),
            keypoints_px=project(joints_mm, CAMERA).astype(np.float32),
            depth_mm=(joints_mm[..., 2] - roots[:, None, 2]).astype(np.float32),
            has_px=np.ones((people, skeleton.num_joints), bool),
            has_depth=np.ones((people, skeleton.num_joints), bool),
            roots_mm=roots.astype(np.float32),
        )

    return make


@pytest.fixture
def make_predictions() -> Callable[..., Predictions]:
    """Predictions at (P, J, 3) mm, seen by the same camera; one per image unless given."""

    def make(
        joints_mm: np.ndarray,
        skeleton: Skeleton,
        image_index: Sequence[int] | None = None,
        **changes: Any,
    ) -> Predictions:
        index = np.arange(len(joints_mm)) if image_index is None else np.array(image_index, int)
        fields: dict[str, Any] = {
            "keypoints_px": project(joints_mm, CAMERA),
            "scores": np.ones(len(joints_mm)),
            "is_absolute": True,
        }
        return Predictions(
            skeleton=skeleton, image_index=index, keypoints_mm=joints_mm, **(fields | changes)
        )

    return make


@pytest.fixture
def make_people() -> Callable[[int, int], np.ndarray]:
    """(N, J, 3) mm of random joints about 4 m away."""

    def make(people: int, joints: int, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return rng.normal(size=(people, joints, 3)) * 300 + [0, 0, 4000]

    return make
