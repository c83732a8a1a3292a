"""``mhp models``: the networks, and the models that ship, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from .weights import DEFAULT_MODEL


def print_models(entries: Sequence[dict[str, Any]], *, console: Console) -> None:
    """Print what ``weights.catalogue.catalogue`` tells; both tables fit into 80 columns."""
    console.print(_networks(entries))
    shipped = [weights for entry in entries for weights in entry["weights"]]
    if shipped:
        console.print()
        console.print(_shipped(shipped))
        console.print(f"\n{DEFAULT_MODEL} is what mhp predict takes if no --model is given.")


def _networks(entries: Sequence[dict[str, Any]]) -> Table:
    table = _table("network", "joints", "input px", "grid", "parameters", "multiply-adds")
    for entry in entries:
        table.add_row(
            entry["preset"],
            str(entry["num_joints"]),
            str(entry["input_px"]),
            f"{entry['grid']}³",
            f"{entry['parameters'] / 1e6:.2f} M",
            f"{entry['macs'] / 1e9:.2f} G",
        )
    return table


def _shipped(shipped: Sequence[dict[str, Any]]) -> Table:
    measures = list(dict.fromkeys(name for weights in shipped for name in weights["measured"]))
    table = _table("model that ships", "MB", *measures)
    for weights in shipped:
        measured = [weights["measured"].get(name) for name in measures]
        table.add_row(
            weights["name"],
            f"{weights['bytes'] / 1e6:.1f}",
            *map(_number, measured),
        )
    return table


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"


def _table(first: str, *others: str) -> Table:
    table = Table(show_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right")
    return table
