"""Recipes of the `free` weights: synthetic people alone."""

from __future__ import annotations

from dataclasses import replace

from ..recipe import DatasetSpec, Recipe, cosine_stage
from .wild import gentler, wild_lite0


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
            cosine_stage(128, 100, 64, 3e-3, 1e-3),
            cosine_stage(192, 40, 32, 1.5e-3, 5e-4),
            cosine_stage(256, 40, 32, 1e-3, 1e-6),
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
            cosine_stage(96, 46, 64, 2.8e-3, 1.4e-3),
            cosine_stage(160, 8, 64, 2.2e-3, 1e-3),
            cosine_stage(256, 5, 64, 1.4e-3, 1e-6),
        ),
        heatmap_weight=0.2,
        ema_decay=0.996,
        amp=True,
    )


def free_basic_longer() -> Recipe:
    """Go on from ``free-basic``, by ``--init``, at full size.

    Its network was no better on what it was trained on than on other synthetic people: what was
    short were steps, not pictures.
    """
    basic = free_basic()
    return replace(
        basic,
        name="free-basic-longer",
        stages=(cosine_stage(256, 6, 64, 1.4e-3, 1e-6),),
        augmentation=replace(basic.augmentation, part_share=0.4),
    )


def free_basic_gentler() -> Recipe:
    """Go on from ``free-basic-longer``, by ``--init``, with other variations.

    What the estimator evens out itself is varied less, as in ``wild-basic-longer``. Tone and colour
    are varied more: its answers to photographs hung on them more than those of a network that had
    seen some.
    """
    longer = free_basic_longer()
    return replace(
        longer,
        name="free-basic-gentler",
        augmentation=replace(
            gentler(longer.augmentation),
            gray_share=0.2,
            saturation_gain=0.6,
            tone_octaves=0.7,
        ),
    )


def free_basic_half() -> Recipe:
    """``lpski-basic-half`` on ``free-basic``'s pictures, begun with and taught by its weights."""
    return replace(
        free_basic(),
        name="free-basic-half",
        preset="lpski-basic-half",
        stages=(cosine_stage(256, 6, 64, 1.4e-3, 1e-6, teacher_weight=0.2),),
        trained_on=f"{free_basic().trained_on}; begun with and taught by lpski-basic-free",
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
        stages=(cosine_stage(128, 100, 64, 3e-3, 1e-3), cosine_stage(256, 60, 32, 1.5e-3, 1e-6)),
    )
