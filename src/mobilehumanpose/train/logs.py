"""What a run tells: files to read and plot, and a line on the terminal.

``steps.jsonl`` has a line for each step, ``epochs.jsonl`` and ``epochs.csv`` one for each epoch;
TensorBoard's files lie beside them if it is installed. Each checkpoint notes how long the files
were, and a run that goes on from it cuts them there: no step is told twice, and none is left out.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..errors import UserError
from ..media import make_folder

STEPS, EPOCHS, EPOCHS_CSV = "steps.jsonl", "epochs.jsonl", "epochs.csv"


class RunLog:
    """The log files of one run, which only process 0 has."""

    def __init__(
        self, folder: Path, *, num_bytes: Mapping[str, int], steps: int, console: Console
    ) -> None:
        """Open the files for more.

        Args:
            folder: where they lie.
            num_bytes: of each file that stays; empty for a new run.
            steps: that were done.
            console: is told what is not as it should be.

        Raises:
            UserError: they cannot be written.
        """
        make_folder(folder)
        self._files: dict[str, io.FileIO] = {}
        try:
            for name in (STEPS, EPOCHS, EPOCHS_CSV):
                path, wanted = folder / name, num_bytes.get(name, 0)
                path.touch()
                if path.stat().st_size < wanted:
                    console.print(f"{path}: is shorter than the run has written; goes on anyway")
                else:
                    os.truncate(path, wanted)
                # Unbuffered: lines can be watched, and a kill loses none of them.
                self._files[name] = path.open("ab", buffering=0)
        except OSError as error:
            raise UserError(f"{folder}: cannot be written: {error.strerror}") from None
        self._board = _tensorboard(folder, steps, console)

    def step(self, steps: int, numbers: Mapping[str, Any]) -> None:
        """Tell of a step; ``steps`` counts it."""
        self._line(STEPS, {"step": steps, **numbers})
        self._plot("step", steps, numbers)

    def epoch(self, steps: int, numbers: Mapping[str, Any]) -> None:
        """Tell of an epoch; the names of its numbers are always the same."""
        entry = {"step": steps, **numbers}
        self._line(EPOCHS, entry)
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, entry, lineterminator="\n")
        if self._files[EPOCHS_CSV].tell() == 0:
            table.writeheader()
        table.writerow(entry)
        self._files[EPOCHS_CSV].write(text.getvalue().encode())
        self._plot("epoch", steps, numbers)

    def sync(self) -> dict[str, int]:
        """Bring all lines to the disk; the files' sizes in bytes."""
        for file in self._files.values():
            os.fsync(file.fileno())
        return {name: file.tell() for name, file in self._files.items()}

    def close(self) -> None:
        """Write what is still in memory."""
        for file in self._files.values():
            file.close()
        if self._board is not None:
            self._board.close()

    def _line(self, name: str, entry: Mapping[str, Any]) -> None:
        self._files[name].write((json.dumps(entry) + "\n").encode())

    def _plot(self, group: str, steps: int, numbers: Mapping[str, Any]) -> None:
        if self._board is None:
            return
        for name, value in numbers.items():
            if isinstance(value, float):
                self._board.add_scalar(f"{group}/{name}", value, steps)


def _tensorboard(folder: Path, steps: int, console: Console) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        console.print(
            "TensorBoard's files are not written; for them: pip install tensorboard",
            highlight=False,
        )
        return None
    # Whatever an earlier process plotted after this step is not shown any more.
    return SummaryWriter(folder / "tensorboard", purge_step=steps + 1 if steps else None)


def make_progress(console: Console, *, is_shown: bool) -> Progress:
    """A bar with images a second, loss and time left; its tasks need ``speed`` and ``loss``."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:.0f} images/s, loss {task.fields[loss]:.4f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not is_shown,
    )
