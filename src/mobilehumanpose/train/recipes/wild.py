"""Recipes of the `wild` weights: photographs of athletes, and synthetic people."""

from __future__ import annotations

from dataclasses import replace

from ...data.crops import Augmentation
from ..recipe import DatasetSpec, Recipe, cosine_stage

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
            cosine_stage(128, 30, 32, 2e-3, 2e-4, frozen_blocks=5),
            cosine_stage(192, 9, 16, 1e-3, 4e-4, frozen_blocks=5),
            cosine_stage(256, 10, 16, 6e-4, 1e-6, frozen_blocks=5),
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
        stages=(cosine_stage(256, 14, 16, 1.2e-3, 1e-6, frozen_blocks=5),),
        upright=True,
        augmentation=Augmentation(full_turn_share=0.1, zoom_share=0.2, occlusion_share=0.2),
    )


def wild_lite0() -> Recipe:
    """Go on from ``lspet-lite0-upright``, by ``--init``, with synthetic people beside the athletes.

    Photographs of athletes, 150 px tall, taught too little of everyday people, of sharp pictures
    and of depth, and nothing of people behind tables. ``docs/experiments-earlier.md`` tells what
    was seen before, and what came of it.
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
        stages=(cosine_stage(256, 7, 32, 1.5e-3, 1e-6, frozen_blocks=5),),
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
        stages=(cosine_stage(256, 4, 32, 1e-3, 1e-6, teacher_weight=0.1),),
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
            cosine_stage(128, 60, 64, 3e-3, 1e-3),
            cosine_stage(256, 30, 32, 1.5e-3, 1e-6, teacher_weight=0.1),
        ),
    )


def wild_basic() -> Recipe:
    """``lpski-basic`` on the pictures of ``wild-lite0``, from what ``free-basic`` left.

    Its weights did not begin with ImageNet's.
    """
    return replace(
        wild_lite0(),
        name="wild-basic",
        preset="lpski-basic",
        stages=(cosine_stage(160, 14, 64, 2e-3, 1e-3), cosine_stage(256, 12, 64, 1.4e-3, 1e-6)),
        validate_every=2,
        pretrained_encoder=False,
        heatmap_weight=0.2,
        amp=True,
        trained_on=f"{ATHLETES}; synthetic people of CC0 bodies and clothes",
    )


def gentler(augmentation: Augmentation) -> Augmentation:
    """Less of what the estimator evens out itself: it turns people upright and finds their box."""
    return replace(augmentation, scale_spread=0.2, rotation_degrees=20.0, occlusion_share=0.15)


def wild_basic_longer() -> Recipe:
    """Go on from ``wild-basic``, by ``--init``, at full size and with gentler variations.

    Its network was no better on what it was trained on than on other people, so it has more to
    learn than it had steps for. What is varied less here is what the estimator evens out itself,
    which turns people upright and looks at them in their box.
    """
    basic = wild_basic()
    return replace(
        basic,
        name="wild-basic-longer",
        augmentation=replace(gentler(basic.augmentation), coarse_share=0.2, sharpen_share=0.2),
        stages=(cosine_stage(256, 8, 64, 1e-3, 1e-6),),
    )


def wild_basic_deep() -> Recipe:
    """``lpski-basic-deep``, which begins with ``wild-basic-longer``'s weights, by ``--init``.

    That network too was no better on what it was trained on than on other people, and longer
    training brought it next to nothing any more: what was short was its size.
    """
    return replace(wild_basic_longer(), name="wild-basic-deep", preset="lpski-basic-deep")


def wild_basic_deep_parts() -> Recipe:
    """Go on from ``wild-basic-deep``, by ``--init``, with more crops of a part of a body.

    In portraits it was surer of legs beyond the picture's edge than ``lpski-basic-wild``. That it
    remained, and found more of athletes' joints.
    """
    deep = wild_basic_deep()
    return replace(
        deep,
        name="wild-basic-deep-parts",
        augmentation=replace(deep.augmentation, part_share=0.4),
        stages=(cosine_stage(256, 8, 64, 5e-4, 1e-6),),
    )


def wild_basic_deep_portraits() -> Recipe:
    """Go on from ``wild-basic-deep-parts``, by ``--init``, with portraits.

    In half of the crops of a part of a body the picture ends there. Of joints beyond a picture's
    edge networks had learnt nothing until then, and were often sure.
    """
    parts = wild_basic_deep_parts()
    return replace(
        parts,
        name="wild-basic-deep-portraits",
        augmentation=replace(parts.augmentation, cut_share=0.5),
    )


def wild_basic_quarter() -> Recipe:
    """``lpski-basic-quarter`` on the same pictures, begun with a part of those weights.

    Taught by them at first, and then by those of ``wild-basic-deep``.
    """
    longer = wild_basic_longer()
    return replace(
        longer,
        name="wild-basic-quarter",
        preset="lpski-basic-quarter",
        stages=(cosine_stage(256, 8, 64, 1.4e-3, 1e-6, teacher_weight=0.2),),
        trained_on=(
            f"{longer.trained_on}; begun with a part of lpski-basic-wild; taught by it and by "
            "lpski-basic-deep-wild"
        ),
    )


def wild_basic_half() -> Recipe:
    """``lpski-basic-half`` on the same pictures, begun and taught alike."""
    return replace(
        wild_basic_quarter(),
        name="wild-basic-half",
        preset="lpski-basic-half",
        stages=(cosine_stage(256, 7, 64, 1.4e-3, 1e-6, teacher_weight=0.2),),
    )


def wild_basic_taught() -> Recipe:
    """Go on from ``wild-basic``, by ``--init``, with ``lpski-lite0-wild`` as ``--teacher``.

    What came of it is told in ``docs/experiments.md``; it did not ship.

    The teacher's encoder began with ImageNet's weights and knows athletes better. Of everyday
    people it knows less, so it is heard on the photographs alone, which lack seven of the joints.
    """
    basic = wild_basic()
    athletes, synthetic = basic.datasets
    return replace(
        basic,
        name="wild-basic-taught",
        datasets=(athletes, replace(synthetic, is_taught=False)),
        augmentation=replace(basic.augmentation, part_share=0.4),
        stages=(cosine_stage(256, 9, 64, 1.2e-3, 1e-6, teacher_weight=0.2),),
        trained_on=(
            f"{basic.trained_on}; taught by lpski-lite0-wild, whose encoder is from "
            "EfficientNet-Lite0 (ImageNet)"
        ),
    )
