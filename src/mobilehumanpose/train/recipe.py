"""What a recipe is: a whole training configuration, and how a run may change it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..data.crops import Augmentation
from ..decode import Position
from ..errors import UserError
from ..models.blocks import Activation
from .schedule import CosineSchedule, Schedule

Triple = tuple[float, float, float]

#: Smaller pictures leave the deepest layers of the networks less than a cell.
MIN_CROP_PX = 32


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """A training set of a recipe.

    Attributes:
        name: a key of ``command.LOADERS``.
        has_depth: whether its labels are 3D.
        weight: its share of an epoch where mixing is ``"weighted"``.
        is_taught: whether a stage's teacher has a say on its crops. Where labels are whole and
            true, a teacher has only its mistakes to add.
    """

    name: str
    has_depth: bool
    weight: float = 1.0
    is_taught: bool = True


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of training at one picture size.

    Attributes:
        crop_px: side of the square input.
        epochs: passes over the training sets.
        batch_size: crops a step, of all processes together.
        schedule: of the learning rate.
        frozen_blocks: blocks of a pretrained encoder that keep their weights.
        teacher_weight: weight of what a trained network, ``--teacher``, says of the same crops,
            where their set is taught (see ``losses.distillation_loss``); 0 for no teacher.
    """

    crop_px: int
    epochs: int
    batch_size: int
    schedule: Schedule
    frozen_blocks: int = 0
    teacher_weight: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a training run but the data's place.

    Attributes:
        name: the run's name.
        preset: the network, a key of ``models.presets.PRESETS``.
        activation: its rectifier, ``"prelu"`` or ``"relu6"``.
        joint_set: a key of ``skeleton.SKELETONS``.
        datasets: what is trained on.
        mixing: ``"concatenated"``: every sample once an epoch; ``"balanced"``: as many with depth
            as without, as the original; ``"weighted"``: by the datasets' weights.
        validation: the set, a key of ``command.LOADERS``, that is watched; None for none.
        validate_every: epochs between two looks at it; each stage's last epoch has one too.
        stages: carried out one after the other.
        mean: subtracted from the 0…255 pixels, for R, G, B.
        std: what they are divided by then.
        augmentation: of the training crops.
        upright: crops are turned so that labelled torsos stand, before they are varied.
        optimizer: ``"adam"`` or ``"adamw"``.
        weight_decay: on weights with more than one axis.
        upstream_coordinate_loss: average the coordinates' loss as the original does, see
            ``losses.upstream_coordinate_loss``; there a joint beyond the depth range teaches
            nothing. Otherwise over what is known, and such a joint still teaches its x and y.
        heatmap_weight: weight of the heat-map loss beside the coordinates' (see ``losses``).
        pretrained_encoder: whether ``lpski-lite0`` begins with its encoder's ImageNet weights.
        max_gradient_norm: gradients are scaled down to it; None leaves them.
        ema_decay: of the averaged weights, which then are the ones that are used; None for none.
        amp: bfloat16 autocast, on graphics cards and processors that multiply it natively.
        compile: train through ``torch.compile``.
        seed: of order, variation and new weights.
        position: how joints are read off the heat-maps of what comes out, see ``models.head``;
            training itself minimises the error of their mean.
        licence: of the weights that come out.
        trained_on: what their file says about the data.
    """

    name: str
    preset: str
    activation: Activation
    joint_set: str
    datasets: tuple[DatasetSpec, ...]
    mixing: Literal["concatenated", "balanced", "weighted"] = "concatenated"
    validation: str | None = None
    validate_every: int = 1
    stages: tuple[Stage, ...]
    mean: Triple
    std: Triple
    augmentation: Augmentation = field(default_factory=Augmentation)
    upright: bool = False
    optimizer: Literal["adam", "adamw"] = "adamw"
    weight_decay: float = 0.01
    upstream_coordinate_loss: bool = False
    heatmap_weight: float = 0.05
    pretrained_encoder: bool = True
    max_gradient_norm: float | None = 1.0
    ema_decay: float | None = 0.999
    amp: bool = False
    compile: bool = False
    seed: int = 0
    position: Position = "mean"
    licence: str
    trained_on: str


def cosine_stage(
    crop_px: int,
    epochs: int,
    batch_size: int,
    peak: float,
    final: float,
    *,
    frozen_blocks: int = 0,
    teacher_weight: float = 0.0,
) -> Stage:
    """A stage whose learning rate rises to ``peak`` and falls to ``final`` as a cosine."""
    return Stage(
        crop_px=crop_px,
        epochs=epochs,
        batch_size=batch_size,
        schedule=CosineSchedule(peak_learning_rate=peak, final_learning_rate=final),
        frozen_blocks=frozen_blocks,
        teacher_weight=teacher_weight,
    )


def adjust_recipe(
    recipe: Recipe,
    *,
    crop_px: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate_scale: float | None = None,
    seed: int | None = None,
) -> Recipe:
    """The recipe, and every stage of it, changed where something is given.

    Learning rates follow from ``learning_rate_scale`` alone, not from the batch's size.

    Args:
        recipe: keeps its name.
        crop_px: side of the square input.
        epochs: of each stage. A rate that falls at epochs keeps them; a cosine is squeezed.
        batch_size: of all processes together.
        learning_rate_scale: what every stage's learning rates are multiplied by.
        seed: of order, variations and new weights.

    Raises:
        UserError: no network trains so.
    """
    if crop_px is not None and (crop_px < MIN_CROP_PX or crop_px % 32):
        raise UserError(f"--crop-px {crop_px}: a multiple of 32, at least {MIN_CROP_PX}")
    for option, value in (("--epochs", epochs), ("--batch-size", batch_size)):
        if value is not None and value < 1:
            raise UserError(f"{option} {value}: at least 1")
    scale = 1.0 if learning_rate_scale is None else learning_rate_scale
    if not 0 < scale < math.inf:
        raise UserError(f"--learning-rate-scale {scale}: above 0, and finite")
    if seed is not None and seed < 0:
        raise UserError(f"--seed {seed}: at least 0")
    given = {"crop_px": crop_px, "epochs": epochs, "batch_size": batch_size}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(
        recipe,
        stages=tuple(
            replace(stage, schedule=stage.schedule.scaled(scale), **changes)
            for stage in recipe.stages
        ),
        seed=recipe.seed if seed is None else seed,
    )
