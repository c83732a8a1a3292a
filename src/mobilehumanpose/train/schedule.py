"""Learning rates over a stage: each follows from the step alone, so nothing of them is saved."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, kw_only=True)
class CosineSchedule:
    """Linear warm-up to a peak, then a cosine down to a final rate.

    Attributes:
        peak_learning_rate: where the cosine begins.
        final_learning_rate: where it ends.
        warmup_steps: of the linear rise.
    """

    peak_learning_rate: float
    final_learning_rate: float
    warmup_steps: int = 200

    def learning_rate(self, step: int, *, num_steps: int, num_epochs: int) -> float:  # noqa: ARG002
        """Rate at ``step`` of the stage's ``num_steps``."""
        warmup = min(1.0, (step + 1) / self.warmup_steps)
        cosine = (1 + math.cos(math.pi * step / num_steps)) / 2
        low, high = self.final_learning_rate, self.peak_learning_rate
        return warmup * (low + (high - low) * cosine)

    def scaled(self, factor: float) -> Self:
        """The same with every rate times ``factor``."""
        return replace(
            self,
            peak_learning_rate=factor * self.peak_learning_rate,
            final_learning_rate=factor * self.final_learning_rate,
        )


@dataclass(frozen=True, kw_only=True)
class StepSchedule:
    """A constant rate that falls at the beginning of some epochs, as the original's.

    Attributes:
        start_learning_rate: before the first fall.
        drop_epochs: epochs of the stage, counted from 0, that begin with a fall.
        divisor: what the rate is divided by at each.
    """

    start_learning_rate: float
    drop_epochs: tuple[int, ...]
    divisor: float = 10.0

    def learning_rate(self, step: int, *, num_steps: int, num_epochs: int) -> float:
        """Rate at ``step`` of the stage's ``num_steps``, which make ``num_epochs``."""
        epoch = step * num_epochs // num_steps
        num_drops = sum(drop <= epoch for drop in self.drop_epochs)
        return self.start_learning_rate / self.divisor**num_drops

    def scaled(self, factor: float) -> Self:
        """The same with every rate times ``factor``."""
        return replace(self, start_learning_rate=factor * self.start_learning_rate)


Schedule = CosineSchedule | StepSchedule
