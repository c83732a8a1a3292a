"""Gloves, and clothes of one colour from neck to ankle, as skiers, cyclists and divers wear.

Hands tell where an arm ends, and a change of colour where a leg begins: not in such clothes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..data.synth import Split
from .colors import cloth_rgb
from .meshes import Material, Paint, Painted

#: Share of people in one colour, and of people with gloves. Held-out people have neither, as they
#: never did, so that figures stay comparable.
ONE_COLOR_SHARE: dict[Split, float] = {"train": 0.2, "held-out": 0.0}
GLOVES_SHARE: dict[Split, float] = {"train": 0.15, "held-out": 0.0}
#: Of those in one colour whose clothes are painted on: in a suit down to wrists and ankles.
FULL_LENGTH_SHARE, TIGHT_SHARE = 0.7, 0.5
#: Gloves of the colour painted on the trunk, which may be hidden by a suit of the wardrobe.
ALIKE_SHARE = 0.4
#: Where gloves begin, along the arm (see ``zones``), and how far they stand off the hand.
GLOVE_FROM, GLOVE_LOOSE_MM = (0.88, 1.03), (0.0, 8.0)


def in_one_color(rng: np.random.Generator, material: Material) -> Material:
    """A garment, or what is painted on skin, whose lower part is as its upper one."""
    painted = material.painted
    if painted is not None:
        painted = replace(painted, bottom=painted.top)
        is_worn = painted.waist < painted.cuff
        if is_worn and rng.random() < FULL_LENGTH_SHARE:
            painted = _full_length(rng, painted)
    return replace(material, lower_paint=material.paint, painted=painted)


def _full_length(rng: np.random.Generator, painted: Painted) -> Painted:
    """A shirt and trousers without a gap, to wrists and ankles."""
    tight = 0.0 if rng.random() < TIGHT_SHARE else 1.0
    return replace(
        painted,
        hem=max(painted.hem, painted.waist),
        sleeve=float(rng.uniform(0.88, 1.0)),
        cuff=float(rng.uniform(0.9, 1.0)),
        loose_top_mm=tight * painted.loose_top_mm,
        loose_bottom_mm=tight * painted.loose_bottom_mm,
    )


def with_gloves(rng: np.random.Generator, painted: Painted) -> Painted:
    """Gloves on both hands, often of the colour that is painted on the trunk."""
    paint = painted.top if rng.random() < ALIKE_SHARE else Paint(tint=cloth_rgb(rng), amount=1.0)
    return replace(
        painted,
        gloves=paint,
        glove=float(rng.uniform(*GLOVE_FROM)),
        loose_gloves_mm=float(rng.uniform(*GLOVE_LOOSE_MM)),
    )
