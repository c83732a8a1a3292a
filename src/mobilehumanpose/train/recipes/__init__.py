"""Recipes: functions that return a whole training configuration, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ...errors import UserError
from ...models.presets import preset_config
from ..recipe import Recipe
from . import free, published, wild

RECIPES: Mapping[str, Callable[[], Recipe]] = {
    "lspet-lite0": wild.lspet_lite0,
    "lspet-lite0-upright": wild.lspet_lite0_upright,
    "wild-lite0": wild.wild_lite0,
    "wild-half": wild.wild_half,
    "wild-xs": wild.wild_xs,
    "wild-basic": wild.wild_basic,
    "wild-basic-longer": wild.wild_basic_longer,
    "wild-basic-deep": wild.wild_basic_deep,
    "wild-basic-deep-parts": wild.wild_basic_deep_parts,
    "wild-basic-deep-portraits": wild.wild_basic_deep_portraits,
    "wild-basic-half": wild.wild_basic_half,
    "wild-basic-quarter": wild.wild_basic_quarter,
    "wild-basic-taught": wild.wild_basic_taught,
    "free-lite0": free.free_lite0,
    "free-basic": free.free_basic,
    "free-basic-longer": free.free_basic_longer,
    "free-basic-gentler": free.free_basic_gentler,
    "free-basic-half": free.free_basic_half,
    "free-xs": free.free_xs,
    "human36m-p1-l": published.human36m_p1_l,
    "human36m-p1-s": published.human36m_p1_s,
    "human36m-p1-xs": published.human36m_p1_xs,
    "human36m-p2-l": published.human36m_p2_l,
    "human36m-p2-s": published.human36m_p2_s,
    "human36m-p2-xs": published.human36m_p2_xs,
    "muco-coco": published.muco_coco,
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
