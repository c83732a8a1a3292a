"""Recipes: functions that return a whole training configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..data.crops import PUBLISHED_AUGMENTATION, Augmentation
from ..decode import Position
from ..errors import UserError
from ..models.blocks import Activation
from ..models.checkpoint import IMAGENET_MEAN, IMAGENET_STD
from ..models.presets import preset_config
from .schedule import CosineSchedule, Schedule, StepSchedule

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
    """

    name: str
    has_depth: bool
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of training at one picture size.

    Attributes:
        crop_px: side of the square input.
        epochs: passes over the training sets.
        batch_size: crops a step, of all processes together.
        schedule: of the learning rate.
        frozen_blocks: blocks of a pretrained encoder that keep their weights.
        teacher_weight: weight of what a trained network, ``--teacher``, says of the same crops (see
            ``losses.distillation_loss``); 0 for no teacher.
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


def _cosine(
    crop_px: int,
    epochs: int,
    batch_size: int,
    peak: float,
    final: float,
    *,
    frozen_blocks: int = 0,
    teacher_weight: float = 0.0,
) -> Stage:
    return Stage(
        crop_px=crop_px,
        epochs=epochs,
        batch_size=batch_size,
        schedule=CosineSchedule(peak_learning_rate=peak, final_learning_rate=final),
        frozen_blocks=frozen_blocks,
        teacher_weight=teacher_weight,
    )


#: What the photographs are.
ATHLETES = (
    "8,095 photographs of Leeds Sports Pose Extended (Johnson & Everingham, CVPR 2011): "
    "2D from its labels, depth from BlazePose GHUM heavy"
)


def lspet_lite0() -> Recipe:
    """``lpski-lite0`` with MuCo-21 joints on 8,095 photographs of LSP Extended."""
    return Recipe(
        name="lspet-lite0",
        preset="lpski-lite0",
        activation="relu6",
        joint_set="muco-21",
        datasets=(DatasetSpec(name="lspet-train", has_depth=True),),
        validation="lspet-validation",
        stages=(
            _cosine(128, 30, 32, 2e-3, 2e-4, frozen_blocks=5),
            _cosine(192, 9, 16, 1e-3, 4e-4, frozen_blocks=5),
            _cosine(256, 10, 16, 6e-4, 1e-6, frozen_blocks=5),
        ),
        # What the encoder's ImageNet weights were trained with.
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
        position="peak",
        licence=(
            "Apache-2.0 for the weights; trained on photographs that were gathered for research, "
            "whose own licences are not known"
        ),
        trained_on=f"{ATHLETES}; encoder from EfficientNet-Lite0 (ImageNet)",
    )


def lspet_lite0_upright() -> Recipe:
    """Go on from ``lspet-lite0``, by ``--init``, with people turned upright.

    After that recipe the network stood hardly better on the photographs that it was trained on
    than on others (PCK@0.2 of 0.491 and 0.475): it had too much to learn, not too little to learn
    from. Three in five of these athletes lean by more than 45° or stand on their heads.
    """
    return replace(
        lspet_lite0(),
        name="lspet-lite0-upright",
        stages=(_cosine(256, 14, 16, 1.2e-3, 1e-6, frozen_blocks=5),),
        upright=True,
        augmentation=Augmentation(full_turn_share=0.1, zoom_share=0.2, occlusion_share=0.2),
    )


def wild_lite0() -> Recipe:
    """Go on from ``lspet-lite0-upright``, by ``--init``, with synthetic people beside the athletes.

    Photographs of athletes, 150 px tall, taught too little of everyday people, of sharp pictures
    and of depth, and nothing of people behind tables. ``docs/experiments.md`` tells what was seen
    before, and what came of it.
    """
    athletes = lspet_lite0_upright()
    return replace(
        athletes,
        name="wild-lite0",
        datasets=(
            DatasetSpec(name="lspet-train", has_depth=True, weight=0.5),
            DatasetSpec(name="synth-train", has_depth=True, weight=0.5),
        ),
        mixing="weighted",
        stages=(_cosine(256, 7, 32, 1.5e-3, 1e-6, frozen_blocks=5),),
        augmentation=replace(
            athletes.augmentation,
            zoom_share=0.1,
            part_share=0.3,
            coarse_share=0.3,
            sharpen_share=0.3,
        ),
        ema_decay=0.998,
        trained_on=f"{athletes.trained_on}; synthetic people of CC0 bodies and clothes",
    )


def wild_half() -> Recipe:
    """``lpski-lite0-half`` on the pictures of ``wild-lite0``, which is its ``--init`` and teacher.

    The narrower network begins with the strongest channels of the wider one, fitted to answer like
    it, and learns to do without the others.
    """
    return replace(
        wild_lite0(),
        name="wild-half",
        preset="lpski-lite0-half",
        stages=(_cosine(256, 4, 32, 1e-3, 1e-6, teacher_weight=0.1),),
        pretrained_encoder=False,
        trained_on=f"{wild_lite0().trained_on}; begun with and taught by lpski-lite0-wild",
    )


def wild_xs() -> Recipe:
    """``lpski-xs`` from new weights on the pictures of ``wild-lite0``, which is its ``--teacher``.

    It teaches at its own size only: in smaller pictures it sees little itself. Not run to its end:
    new weights need many more pictures than two processor cores see in a day.
    """
    return replace(
        wild_lite0(),
        name="wild-xs",
        preset="lpski-xs",
        trained_on=(
            f"{ATHLETES}; synthetic people of CC0 bodies and clothes; taught by lpski-lite0-wild, "
            "whose encoder is from EfficientNet-Lite0 (ImageNet)"
        ),
        stages=(
            _cosine(128, 60, 64, 3e-3, 1e-3),
            _cosine(256, 30, 32, 1.5e-3, 1e-6, teacher_weight=0.1),
        ),
    )


def free_lite0() -> Recipe:
    """``lpski-lite0`` from new weights on synthetic people alone, for use without questions.

    Neither photographs nor a network that saw any have a part in it: the encoder does not begin
    with ImageNet's weights, and what is watched is synthetic too. Not run to its end yet.
    """
    wild = wild_lite0()
    return replace(
        wild,
        name="free-lite0",
        datasets=(DatasetSpec(name="synth-train", has_depth=True),),
        mixing="concatenated",
        validation="synth-held-out",
        validate_every=5,
        stages=(
            _cosine(128, 100, 64, 3e-3, 1e-3),
            _cosine(192, 40, 32, 1.5e-3, 5e-4),
            _cosine(256, 40, 32, 1e-3, 1e-6),
        ),
        pretrained_encoder=False,
        licence="Apache-2.0",
        trained_on="synthetic people of CC0 bodies and clothes, in poses of free motion capture",
    )


def free_basic() -> Recipe:
    """``lpski-basic`` from new weights on synthetic people alone.

    Small crops teach most in the time that there is, until what can be seen in them has been
    learnt. The heat-map's loss weighs more than elsewhere: a mean in the middle of the picture is
    nearly right for a network that knows nothing, and teaches it little.
    """
    return replace(
        free_lite0(),
        name="free-basic",
        preset="lpski-basic",
        stages=(
            _cosine(96, 46, 64, 2.8e-3, 1.4e-3),
            _cosine(160, 8, 64, 2.2e-3, 1e-3),
            _cosine(256, 5, 64, 1.4e-3, 1e-6),
        ),
        heatmap_weight=0.2,
        ema_decay=0.996,
        amp=True,
    )


def free_basic_half() -> Recipe:
    """``lpski-basic-half`` on ``free-basic``'s pictures, begun with and taught by its weights."""
    return replace(
        free_basic(),
        name="free-basic-half",
        preset="lpski-basic-half",
        stages=(_cosine(256, 6, 64, 1.4e-3, 1e-6, teacher_weight=0.2),),
        trained_on=f"{free_basic().trained_on}; begun with and taught by lpski-basic-free",
    )


def wild_basic() -> Recipe:
    """``lpski-basic`` on the pictures of ``wild-lite0``, from what ``free-basic`` left.

    Its weights did not begin with ImageNet's.
    """
    return replace(
        wild_lite0(),
        name="wild-basic",
        preset="lpski-basic",
        stages=(_cosine(160, 14, 64, 2e-3, 1e-3), _cosine(256, 12, 64, 1.4e-3, 1e-6)),
        validate_every=2,
        pretrained_encoder=False,
        heatmap_weight=0.2,
        amp=True,
        trained_on=f"{ATHLETES}; synthetic people of CC0 bodies and clothes",
    )


def free_xs() -> Recipe:
    """``lpski-xs`` from new weights on synthetic people alone. Not run to its end.

    Its heat-maps are worked out at a sixteenth of the input's side: from 128 px they have 8×8
    values, which are enlarged then.
    """
    return replace(
        free_lite0(),
        name="free-xs",
        preset="lpski-xs",
        stages=(_cosine(128, 100, 64, 3e-3, 1e-3), _cosine(256, 60, 32, 1.5e-3, 1e-6)),
    )


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


RECIPES: Mapping[str, Callable[[], Recipe]] = {
    "lspet-lite0": lspet_lite0,
    "lspet-lite0-upright": lspet_lite0_upright,
    "wild-lite0": wild_lite0,
    "wild-half": wild_half,
    "wild-xs": wild_xs,
    "free-lite0": free_lite0,
    "free-basic": free_basic,
    "free-basic-half": free_basic_half,
    "free-xs": free_xs,
    "wild-basic": wild_basic,
    "human36m-p1-l": human36m_p1_l,
    "human36m-p1-s": human36m_p1_s,
    "human36m-p1-xs": human36m_p1_xs,
    "human36m-p2-l": human36m_p2_l,
    "human36m-p2-s": human36m_p2_s,
    "human36m-p2-xs": human36m_p2_xs,
    "muco-coco": muco_coco,
}


def find_recipe(name: str, backbone: str | None = None) -> Recipe:
    """A recipe by name, perhaps with another family of networks.

    Args:
        name: a key of ``RECIPES``; underscores do for hyphens.
        backbone: ``LPRES``, ``LPSKI`` or ``LPWO``, as the original's option; the recipe's own
            when None. Another one is added to the run's name.

    Raises:
        UserError: no such recipe, or no network of that family in the recipe's size.
    """
    try:
        recipe = RECIPES[name.lower().replace("_", "-")]()
    except KeyError:
        raise UserError(f"unknown recipe {name!r}; known are {', '.join(RECIPES)}") from None
    if backbone is None:
        return recipe
    family, (own_family, _, size) = backbone.lower(), recipe.preset.partition("-")
    if family not in ("lpres", "lpski", "lpwo"):
        raise UserError(f"--backbone {backbone!r}: choose of LPRES, LPSKI, LPWO")
    if family == own_family:
        return recipe
    preset_config(f"{family}-{size}")
    return replace(recipe, name=f"{recipe.name}-{family}", preset=f"{family}-{size}")


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
