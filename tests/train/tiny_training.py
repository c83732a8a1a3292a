"""Drawn people, a small network and runs of it, for tests and for the processes they start.

python tiny_training.py FOLDER    starts or goes on with a run in FOLDER, saving every few steps
"""

import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console

from mobilehumanpose.data.images import ZipImages
from mobilehumanpose.data.samples import PoseDataset, PoseSamples
from mobilehumanpose.models.lpnet import LpNetConfig
from mobilehumanpose.models.presets import PRESETS
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.train.checkpoints import find_checkpoints
from mobilehumanpose.train.distributed import joined
from mobilehumanpose.train.loop import Trainer
from mobilehumanpose.train.recipe import DatasetSpec, Recipe, Stage
from mobilehumanpose.train.schedule import CosineSchedule

TINY_NETWORK = LpNetConfig(family="LPSKI", width=0.1, embedding=16, grid=32, depth_cells=8)
NUM_PHOTOS = 12


def make_tiny_set(folder: Path) -> PoseDataset:
    """12 photos with a coloured dot at each joint; in later ones fewer joints are labelled."""
    path = folder / "photos.zip"
    rng = np.random.default_rng(0)
    count = NUM_PHOTOS
    keypoints = rng.uniform(30, 130, (count, 21, 2)).astype(np.float32)
    photos = []
    for i in range(count):
        photo = np.full((160, 160, 3), 90, np.uint8)
        for joint, point in enumerate(keypoints[i]):
            color = (joint * 12, 255 - joint * 12, (joint * 37) % 255)
            cv2.circle(photo, tuple(map(int, point)), 4, color, -1)
        photos.append(cv2.imencode(".png", photo)[1].tobytes())
    if not path.exists():
        with zipfile.ZipFile(path, "w") as archive:
            for i, photo in enumerate(photos):
                archive.writestr(f"im{i:05d}.png", photo)
    depth_mm = rng.uniform(-300, 300, (count, 21)).astype(np.float32)
    depth_mm[:, MUCO_21.root] = 0
    has_px = np.ones((count, 21), bool)
    has_px[8:, 14:] = False
    has_depth = has_px.copy()
    has_depth[10:] = False
    samples = PoseSamples(
        skeleton=MUCO_21,
        image_names=np.array([f"im{i:05d}.png".encode() for i in range(count)]),
        image_sizes=np.full((count, 2), 160, np.int32),
        image_ids=np.arange(count),
        cameras=np.full((count, 4), np.nan, np.float32),
        image_index=np.arange(count, dtype=np.int32),
        boxes_xywh=np.full((count, 4), [10, 10, 140, 140], np.float32),
        keypoints_px=keypoints,
        has_px=has_px,
        depth_mm=depth_mm,
        has_depth=has_depth,
        roots_mm=np.full((count, 3), np.nan, np.float32),
    )
    return PoseDataset(name="tiny", samples=samples, images=ZipImages(path))


def tiny_stage(epochs: int, **changes) -> Stage:
    schedule = CosineSchedule(peak_learning_rate=1e-3, final_learning_rate=1e-4, warmup_steps=2)
    stage = Stage(crop_px=64, epochs=epochs, batch_size=4, schedule=schedule)
    return replace(stage, **changes)


def tiny_recipe(**changes) -> Recipe:
    recipe = Recipe(
        name="tiny",
        preset="tiny",
        activation="prelu",
        joint_set="muco-21",
        datasets=(DatasetSpec(name="tiny", has_depth=True),),
        stages=(tiny_stage(2), tiny_stage(1, crop_px=96)),
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
        licence="none",
        trained_on="drawings",
    )
    return replace(recipe, **changes)


def tiny_trainer(recipe: Recipe, data: PoseDataset, folder: Path, **options) -> Trainer:
    (folder / "run").mkdir(parents=True, exist_ok=True)
    return Trainer(
        recipe,
        train_sets=[data],
        validation_set=replace(data, samples=data.samples.subset(np.arange(4))),
        out_dir=folder / "run",
        log_dir=folder / "log",
        console=Console(quiet=True),
        **{"workers": 0, **options},
    )


def run_to_the_end(folder: Path) -> None:
    """A longer run that saves every few steps; goes on if there is something to go on from."""
    data = make_tiny_set(folder)
    recipe = tiny_recipe(stages=(tiny_stage(12), tiny_stage(6, crop_px=96)))
    trainer = tiny_trainer(recipe, data, folder, save_every_seconds=0.05)
    if find_checkpoints(folder / "run"):
        trainer.resume()
    trainer.run()


def run_with_fixed_statistics(folder: Path, recipe: Recipe) -> None:
    """Be one process of a run whose batch normalisation uses its running statistics only."""
    PRESETS["tiny"] = TINY_NETWORK
    torch.set_num_threads(1)

    def stay_in_evaluation(module: torch.nn.Module, mode: bool = True) -> torch.nn.Module:
        return torch.nn.Module.train(module, False)

    torch.nn.BatchNorm2d.train = stay_in_evaluation
    try:
        with joined([]) as ranks:
            tiny_trainer(recipe, make_tiny_set(folder), folder, ranks=ranks).run()
    finally:
        del torch.nn.BatchNorm2d.train


if __name__ == "__main__":
    sys.modules["torch.utils.tensorboard"] = None  # takes long to import
    PRESETS["tiny"] = TINY_NETWORK
    torch.set_num_threads(1)
    run_to_the_end(Path(sys.argv[1]))
