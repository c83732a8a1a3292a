"""What tests share: a made-up person, and the data that developers have beside the checkout."""

import os
from pathlib import Path

import numpy as np
import pytest

from mobilehumanpose import Camera, Pose
from mobilehumanpose.geometry import project
from mobilehumanpose.skeleton import MUCO_21


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Reference numbers and data beside the checkout, or where ``MHP_SHARED`` says."""
    default = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("MHP_SHARED", default))
    if not (folder / "reference").is_dir():
        pytest.skip(f"{folder}: no reference data here")
    return folder


@pytest.fixture
def pose() -> Pose:
    """A made-up person of MuCo's 21 joints, 4 m away, in a photo of 640 × 480."""
    rng = np.random.default_rng(0)
    keypoints_mm = rng.normal(size=(21, 3)) * 300 + [0, 0, 4000]
    camera = Camera(focal_px=(1000, 1001), center_px=(320, 240))
    return Pose(
        keypoints_px=project(keypoints_mm, camera),
        keypoints_mm=keypoints_mm,
        root_relative_mm=keypoints_mm - keypoints_mm[MUCO_21.root],
        scores=rng.random(21),
        box_xywh=np.array([110.0, 20, 400, 400]),
        skeleton=MUCO_21,
        camera=camera,
        camera_is_assumed=True,
    )
