"""Timing several things in turns, and what is made of the times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

#: A frame's steps in their order, and the name of all of them together.
PARTS = ("crop", "network", "decode")
WHOLE = "whole"
#: First rounds that do not count: caches are cold, and buffers are made.
WARM_UP_ROUNDS = 3
#: Before each turn: threads of runtimes stay awake for a while after their work, and would take the
#: cores from who comes next.
REST_S = 0.02


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Something that takes a photograph to joints, in three steps.

    Attributes:
        name: in the table.
        runtime: what runs the network.
        crop: cuts the photograph and fills the network's input.
        network: from there to the network's outputs.
        decode: from those to joints in the photograph, and in millimetres.
    """

    name: str
    runtime: str
    crop: Callable[[], object]
    network: Callable[[], object]
    decode: Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The middle of some times, and the range that four fifths of them lie in, in ms."""

    median_ms: float
    p10_ms: float
    p90_ms: float


def time_in_turns(
    candidates: Sequence[Candidate], rounds: int
) -> list[dict[str, NDArray[np.float64]]]:
    """Time a frame of each candidate in every round, so that a busy machine slows all alike.

    The order is drawn anew for each round, so that nobody always follows the same one: caches, and
    threads that wait awake for more work, make a difference to who comes next.

    Returns:
        For each candidate (rounds,) ms of every part and of the whole frame.

    Raises:
        UserError: there is no round.
    """
    if rounds < 1:
        raise UserError(f"{rounds} rounds: at least 1 is needed")
    times = [{part: np.zeros(rounds) for part in (*PARTS, WHOLE)} for _ in candidates]
    rng = np.random.default_rng(0)
    for number in range(-WARM_UP_ROUNDS, rounds):
        for index in rng.permutation(len(candidates)):
            candidate = candidates[index]
            time.sleep(REST_S)
            start = time.perf_counter()
            candidate.crop()
            cropped = time.perf_counter()
            candidate.network()
            answered = time.perf_counter()
            candidate.decode()
            end = time.perf_counter()
            if number >= 0:
                steps = (cropped - start, answered - cropped, end - answered, end - start)
                for part, seconds in zip((*PARTS, WHOLE), steps, strict=True):
                    times[index][part][number] = seconds * 1000
    return times


def spread(times_ms: NDArray[np.float64]) -> Spread:
    """Of (rounds,) ms."""
    low, median, high = np.percentile(times_ms, [10, 50, 90])
    return Spread(median_ms=float(median), p10_ms=float(low), p90_ms=float(high))


def ratio(times_ms: NDArray[np.float64], base_ms: NDArray[np.float64]) -> float:
    """How many times as long as another thing takes: the median over rounds of their quotient.

    Each round's own quotient, since what slows one round slows both.
    """
    return float(np.median(times_ms / base_ms))
