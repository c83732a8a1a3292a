"""A tiny set of drawn people in the format of LSP Extended, and a recipe that fits it."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mobilehumanpose.data.images import ZipImages
from mobilehumanpose.data.samples import PoseDataset, PoseSamples
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.train.recipes import Recipe, Stage


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory) -> PoseDataset:
    """12 photos with a coloured dot at each joint."""
    path: Path = tmp_path_factory.mktemp("tiny") / "photos.zip"
    rng = np.random.default_rng(0)
    count = 12
    keypoints = rng.uniform(30, 130, (count, 21, 2)).astype(np.float32)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            photo = np.full((160, 160, 3), 90, np.uint8)
            for joint, point in enumerate(keypoints[i]):
                color = (joint * 12, 255 - joint * 12, (joint * 37) % 255)
                cv2.circle(photo, tuple(map(int, point)), 4, color, -1)
            archive.writestr(f"im{i:05d}.png", cv2.imencode(".png", photo)[1].tobytes())
    depth_mm = rng.uniform(-300, 300, (count, 21)).astype(np.float32)
    depth_mm[:, MUCO_21.root] = 0
    samples = PoseSamples(
        skeleton=MUCO_21,
        image_names=np.array([f"im{i:05d}.png".encode() for i in range(count)]),
        image_sizes=np.full((count, 2), 160, np.int32),
        image_ids=np.arange(count),
        cameras=np.full((count, 4), np.nan, np.float32),
        image_index=np.arange(count, dtype=np.int32),
        boxes_xywh=np.full((count, 4), [10, 10, 140, 140], np.float32),
        keypoints_px=keypoints,
        has_px=np.ones((count, 21), bool),
        depth_mm=depth_mm,
        has_depth=np.ones((count, 21), bool),
        roots_mm=np.full((count, 3), np.nan, np.float32),
    )
    return PoseDataset(name="tiny", samples=samples, images=ZipImages(path))


@pytest.fixture
def tiny_recipe() -> Recipe:
    stage = Stage(
        crop_px=64,
        epochs=2,
        batch_size=4,
        peak_learning_rate=1e-3,
        final_learning_rate=1e-4,
        frozen_blocks=2,
    )
    second = Stage(
        crop_px=96, epochs=1, batch_size=4, peak_learning_rate=1e-4, final_learning_rate=1e-5
    )
    return Recipe(
        name="tiny",
        preset="lpski-lite0",
        joint_set="muco-21",
        stages=(stage, second),
        warmup_steps=2,
    )
