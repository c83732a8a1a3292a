"""Recipes: functions that return a whole training configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..data.crops import Augmentation


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of training at one picture size.

    Attributes:
        crop_px: side of the square input.
        epochs: passes over the training set.
        batch_size: crops a step.
        peak_learning_rate: where the stage begins, after its warm-up.
        final_learning_rate: where its cosine ends.
        frozen_blocks: encoder blocks that keep their weights.
    """

    crop_px: int
    epochs: int
    batch_size: int
    peak_learning_rate: float
    final_learning_rate: float
    frozen_blocks: int = 0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a training run but the data's place.

    Attributes:
        name: the run's name.
        preset: the network, a key of ``models.presets.PRESETS``.
        joint_set: a key of ``skeleton.SKELETONS``.
        stages: carried out one after the other.
        augmentation: of the training crops.
        weight_decay: AdamW's, on weights with more than one axis.
        heatmap_weight: weight of the heat-map loss beside the coordinates' (see ``losses``).
        max_gradient_norm: gradients are scaled down to it.
        ema_decay: of the averaged weights, which are the ones that are used.
        warmup_steps: linear, at the start of each stage.
        seed: of order, variation and new weights.
    """

    name: str
    preset: str
    joint_set: str
    stages: tuple[Stage, ...]
    augmentation: Augmentation = field(default_factory=Augmentation)
    weight_decay: float = 0.01
    heatmap_weight: float = 0.05
    max_gradient_norm: float = 1.0
    ema_decay: float = 0.999
    warmup_steps: int = 200
    seed: int = 0


def lspet_lite0() -> Recipe:
    """``lpski-lite0`` with MuCo-21 joints on 8,100 photographs of LSP Extended."""
    return Recipe(
        name="lspet-lite0",
        preset="lpski-lite0",
        joint_set="muco-21",
        stages=(
            Stage(
                crop_px=128,
                epochs=30,
                batch_size=32,
                peak_learning_rate=2e-3,
                final_learning_rate=2e-4,
                frozen_blocks=5,
            ),
            Stage(
                crop_px=192,
                epochs=9,
                batch_size=16,
                peak_learning_rate=1e-3,
                final_learning_rate=4e-4,
                frozen_blocks=5,
            ),
            Stage(
                crop_px=256,
                epochs=10,
                batch_size=16,
                peak_learning_rate=6e-4,
                final_learning_rate=1e-6,
                frozen_blocks=5,
            ),
        ),
    )


RECIPES = {"lspet-lite0": lspet_lite0}
