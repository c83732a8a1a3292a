"""What ``mhp test RECIPE`` does: the networks that a run has left, on the test of its recipe."""

from __future__ import annotations

from rich.console import Console

from ..errors import UserError
from ..evaluate.command import Candidate, MeasureOptions, measure_epochs
from ..evaluate.protocols import TEST_PROTOCOLS
from .recipes import RECIPES, find_recipe
from .snapshots import find_snapshots, recipe_test


def measure_recipe(
    name: str,
    *,
    protocol: str | None,
    epochs: str | None,
    backbone: str | None,
    options: MeasureOptions,
    console: Console,
) -> None:
    """Evaluate networks in ``model_dump/<recipe>`` and write reports to ``result/<recipe>``.

    Args:
        name: a key of ``RECIPES``.
        protocol: a key of ``TEST_PROTOCOLS``; the one that belongs to the recipe when None.
        epochs: such as ``"20-21"``; the network in the end when None.
        backbone: that the run was started with.
        options: of the test.
        console: where figures and progress are told.

    Raises:
        UserError: no such recipe, protocol, network or data.
    """
    if name.lower().replace("_", "-") not in RECIPES:
        raise UserError(
            f"{name!r} is neither a test ({', '.join(TEST_PROTOCOLS)}) "
            f"nor a recipe ({', '.join(RECIPES)})"
        )
    recipe = find_recipe(name, backbone)
    protocol = protocol or recipe_test(recipe)
    candidates = {
        key: Candidate(path=snapshot.path, input_px=snapshot.crop_px)
        for key, snapshot in find_snapshots(recipe, options.out, epochs).items()
    }
    measure_epochs(protocol, recipe.name, candidates, options, console)
