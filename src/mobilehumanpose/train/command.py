"""What ``mhp train`` does: a recipe, its data, a run, and the network that comes out."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console

from ..data.lspet import load_lspet, split
from ..errors import UserError
from ..media import make_folder
from ..models.checkpoint import CheckpointMetadata, save_checkpoint
from .loop import INPUT_MEAN, INPUT_STD, Trainer
from .recipes import RECIPES

LSPET_LICENCE = (
    "Apache-2.0 for the weights; trained on photographs that were gathered for research, "
    "whose own licences are not known"
)
LSPET_SOURCE = (
    "8,095 photographs of Leeds Sports Pose Extended (Johnson & Everingham, CVPR 2011): 2D from "
    "its labels, depth from BlazePose GHUM heavy; encoder from EfficientNet-Lite0 (ImageNet)"
)


def run_recipe(
    name: str,
    *,
    data: Path,
    out: Path,
    go_on: bool,
    threads: int | None,
    console: Console,
) -> None:
    """Train by a recipe and leave ``<recipe>.safetensors`` in the run's folder.

    Args:
        name: a key of ``RECIPES``.
        data: folder with ``lspet-train.npz`` and ``lspet-train.zip``.
        out: the run gets a folder of its recipe's name in it.
        go_on: from the saved state; without it, a folder with a state is refused.
        threads: of PyTorch.
        console: where progress is told.

    Raises:
        UserError: no such recipe, no such data, or a run that would be overwritten.
    """
    if name not in RECIPES:
        raise UserError(f"unknown recipe {name!r}; known are {', '.join(RECIPES)}")
    recipe = RECIPES[name]()
    train_set, validation_set = split(load_lspet(data))
    folder = out / recipe.name
    make_folder(folder)
    if threads is not None:
        torch.set_num_threads(threads)
    trainer = Trainer(
        recipe,
        train_set=train_set,
        validation_set=validation_set,
        out_dir=folder,
        console=console,
    )
    if trainer.state_path.exists():
        if not go_on:
            raise UserError(
                f"{trainer.state_path}: a run is here already; go on with it by --continue, "
                "or choose another --out"
            )
        trainer.resume()
    elif go_on:
        raise UserError(f"{trainer.state_path}: no saved state to continue from")
    result = trainer.run()
    path = folder / f"{recipe.name}.safetensors"
    save_checkpoint(
        path,
        trainer.averaged,
        CheckpointMetadata(
            preset=recipe.preset,
            activation="relu6",
            joint_set=recipe.joint_set,
            mean=INPUT_MEAN,
            std=INPUT_STD,
            licence=LSPET_LICENCE,
            trained_on=LSPET_SOURCE,
        ),
    )
    console.print(
        f"{path}: PCK@0.2 of the torso {result.pck_torso:.3f}, "
        f"depth {result.depth_error_mm:.0f} mm from the teacher",
        soft_wrap=True,
    )
