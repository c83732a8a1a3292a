"""The table and the picture that ``mhp bench`` writes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .clock import PARTS, WHOLE, Candidate, ratio, spread

FORMAT = "mobilehumanpose-bench"
FORMAT_VERSION = 1

#: What the bars' parts are painted in: colours that colour-blind people tell apart (Okabe & Ito).
COLORS = {"crop": "#56b4e9", "network": "#0072b2", "decode": "#e69f00"}
WIDTH_PX, LABELS_PX, ROW_PX, MARGIN_PX = 860, 250, 34, 16

Times = dict[str, NDArray[np.float64]]


def summary(
    candidates: Sequence[Candidate], times: Sequence[Times], conditions: dict[str, Any]
) -> dict[str, Any]:
    """All figures, for JSON.

    Args:
        candidates: that were timed.
        times: of :func:`~.clock.time_in_turns`.
        conditions: threads, rounds, machine and so on.

    Returns:
        ``conditions``; ``bases``, the candidates that everyone is compared with: BlazePose's
        networks, else the first candidate's whole frame; and ``results`` with each candidate's
        spread of every part, the share of the frame outside the network, and ratios to the bases.
    """
    bases = [i for i, c in enumerate(candidates) if c.name.startswith("BlazePose")] or [0]
    part = "network" if candidates[bases[0]].name.startswith("BlazePose") else WHOLE
    results = []
    for candidate, own in zip(candidates, times, strict=True):
        around = own["crop"] + own["decode"]
        results.append(
            {
                "name": candidate.name,
                "runtime": candidate.runtime,
                "parts": {name: vars(spread(own[name])) for name in (*PARTS, WHOLE)},
                "around_network": ratio(around, own[WHOLE]),
                "ratios": {candidates[i].name: ratio(own[WHOLE], times[i][part]) for i in bases},
            }
        )
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "conditions": conditions,
        "bases": {"names": [candidates[i].name for i in bases], "part": part},
        "results": results,
    }


def markdown(figures: dict[str, Any]) -> str:
    """The table of a :func:`summary`."""
    conditions, bases = figures["conditions"], figures["bases"]
    columns = ["model", "runtime", *(f"{part}, ms" for part in (*PARTS, WHOLE)), "crop + decode"]
    columns += [f"whole ÷ {name} {bases['part']}" for name in bases["names"]]
    lines = [
        ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in conditions.items()) + ".",
        "",
        "Medians, and in brackets the 10th and 90th percentile.",
        "",
        "| " + " | ".join(columns) + " |",
        "| --- | --- |" + " ---: |" * (len(columns) - 2),
    ]
    for result in figures["results"]:
        cells = [result["name"], result["runtime"]]
        for part in (*PARTS, WHOLE):
            times = result["parts"][part]
            cells.append(f"{times['median_ms']:.2f} ({times['p10_ms']:.2f}–{times['p90_ms']:.2f})")
        cells.append(f"{result['around_network']:.1%}")
        cells += [f"{value:.2f}" for value in result["ratios"].values()]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def svg(figures: dict[str, Any]) -> str:
    """A bar for each candidate of a :func:`summary`: its parts, and the whole frame's spread."""
    results = figures["results"]
    longest = max(result["parts"][WHOLE]["p90_ms"] for result in results)
    step = _tick_ms(longest)
    per_ms = (WIDTH_PX - LABELS_PX - 90) / longest
    height = MARGIN_PX + ROW_PX * (len(results) + 2)
    bottom = MARGIN_PX + ROW_PX * len(results)
    shapes = [f'<rect width="{WIDTH_PX}" height="{height}" fill="white"/>']
    for tick in np.arange(0, longest + step / 2, step):
        x = LABELS_PX + tick * per_ms
        shapes.append(f'<path d="M{x:.1f} {MARGIN_PX}V{bottom}" stroke="#ddd"/>')
        shapes.append(_text(x, bottom + 16, f"{tick:g}", anchor="middle"))
    shapes.append(_text(LABELS_PX - 8, bottom + 16, "ms", anchor="end"))
    for row, result in enumerate(results):
        top = MARGIN_PX + ROW_PX * row
        shapes.append(_text(LABELS_PX - 8, top + 21, _label(result), anchor="end"))
        x = float(LABELS_PX)
        for part in PARTS:
            width = result["parts"][part]["median_ms"] * per_ms
            shapes.append(
                f'<rect x="{x:.1f}" y="{top + 6}" width="{width:.1f}" height="{ROW_PX - 14}" '
                f'fill="{COLORS[part]}"/>'
            )
            x += width
        whole = result["parts"][WHOLE]
        low, high = (LABELS_PX + whole[key] * per_ms for key in ("p10_ms", "p90_ms"))
        middle = top + 6 + (ROW_PX - 14) / 2
        shapes.append(f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="black" stroke-width="2"/>')
        shapes.append(_text(max(x, high) + 6, top + 21, f"{whole['median_ms']:.2f} ms"))
    x = float(LABELS_PX)
    for part in PARTS:
        shapes.append(
            f'<rect x="{x}" y="{bottom + 28}" width="12" height="12" fill="{COLORS[part]}"/>'
        )
        shapes.append(_text(x + 18, bottom + 39, part))
        x += 100
    shapes.append(_text(x, bottom + 39, "line: 10th to 90th percentile of the whole"))
    content = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height}" '
        f'width="{WIDTH_PX}" height="{height}" font-family="sans-serif" font-size="13">\n'
        f"{content}\n</svg>\n"
    )


def _label(result: dict[str, Any]) -> str:
    return f"{result['name']} · {result['runtime']}"


def _tick_ms(longest_ms: float) -> float:
    """A round distance between ticks: 1, 2 or 5 times a power of ten, four to ten to the axis."""
    rough = longest_ms / 8
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= rough))


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
