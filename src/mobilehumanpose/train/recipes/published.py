"""Recipes of MobileHumanPose as it was published."""

from __future__ import annotations

from typing import Literal

from ...data.crops import PUBLISHED_AUGMENTATION
from ...models.checkpoint import IMAGENET_MEAN, IMAGENET_STD
from ..recipe import DatasetSpec, Recipe, Stage
from ..schedule import StepSchedule


def _published(
    name: str, *, preset: str, joint_set: str, datasets: tuple[DatasetSpec, ...], trained_on: str
) -> Recipe:
    """As MobileHumanPose trains: Adam for 25 epochs, its crops, its loss, its input scaling.

    Its batches are 64 crops a GPU; here 64 are all GPUs' together, so that the number of GPUs
    changes nothing else. Pixels of 0…255 are scaled by numbers that are meant for 0…1, as there.
    """
    schedule = StepSchedule(start_learning_rate=1e-3, drop_epochs=(17, 21))
    return Recipe(
        name=name,
        preset=preset,
        activation="prelu",
        joint_set=joint_set,
        datasets=datasets,
        mixing="balanced",
        stages=(Stage(crop_px=256, epochs=25, batch_size=64, schedule=schedule),),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        augmentation=PUBLISHED_AUGMENTATION,
        optimizer="adam",
        weight_decay=0.0,
        upstream_coordinate_loss=True,
        heatmap_weight=0.0,
        max_gradient_norm=None,
        ema_decay=None,
        licence="none stated; the terms of the datasets apply",
        trained_on=trained_on,
    )


def _human36m(protocol: Literal[1, 2], size: str) -> Recipe:
    return _published(
        f"human36m-p{protocol}-{size}",
        preset=f"lpski-{size}",
        joint_set="human36m-18",
        datasets=(
            DatasetSpec(name=f"human36m-p{protocol}-train", has_depth=True),
            DatasetSpec(name="mpii-train", has_depth=False),
        ),
        trained_on=f"Human3.6M (training subjects of protocol {protocol}) and MPII",
    )


def human36m_p1_l() -> Recipe:
    """Human3.6M and MPII, protocol 1, network L: 35.2 mm PA-MPJPE (rigid) are published.

    Not reproduced here: the dataset is not available to us.
    """
    return _human36m(1, "l")


def human36m_p1_s() -> Recipe:
    """Human3.6M and MPII, protocol 1, network S: 35.7 mm PA-MPJPE (rigid) are published.

    Not reproduced here: the dataset is not available to us.
    """
    return _human36m(1, "s")


def human36m_p1_xs() -> Recipe:
    """Human3.6M and MPII, protocol 1, network XS: nothing is published.

    Not reproduced here: the dataset is not available to us. XS is a network of the size that the
    paper names; its own was never released.
    """
    return _human36m(1, "xs")


def human36m_p2_l() -> Recipe:
    """Human3.6M and MPII, protocol 2, network L: 51.4 mm MPJPE are published.

    Not reproduced here: the dataset is not available to us.
    """
    return _human36m(2, "l")


def human36m_p2_s() -> Recipe:
    """Human3.6M and MPII, protocol 2, network S: 56.9 mm MPJPE are published.

    Not reproduced here: the dataset is not available to us.
    """
    return _human36m(2, "s")


def human36m_p2_xs() -> Recipe:
    """Human3.6M and MPII, protocol 2, network XS: 69.6 mm MPJPE are published.

    Not reproduced here: the dataset is not available to us. XS is a network of the size that the
    paper names; its own was never released.
    """
    return _human36m(2, "xs")


def muco_coco() -> Recipe:
    """MuCo-3DHP and COCO, 21 joints, network L: 79.6 % 3DPCK (relative) on MuPoTS are published.

    Not reproduced here: the dataset is not available to us. S, for which 77.6 % are published, is
    the same recipe with ``preset="lpski-s"``.
    """
    return _published(
        "muco-coco",
        preset="lpski-l",
        joint_set="muco-21",
        datasets=(
            DatasetSpec(name="muco-train", has_depth=True),
            DatasetSpec(name="mscoco-train", has_depth=False),
        ),
        trained_on="MuCo-3DHP and COCO train2017",
    )
