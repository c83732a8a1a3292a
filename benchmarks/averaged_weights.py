"""What the means of several files' weights see, to choose one of them.

    python benchmarks/averaged_weights.py FILE FILE… --data DATA [--position mean|peak]

Every file, and the mean of every choice of them, looks at the upright crops that training watches:
LSP Extended's validation tenth and, where DATA has them, every sixth held-out synthetic picture.
What is exported with `mhp export FILE --average FILE…` is such a mean.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from mobilehumanpose.decode import Position
from mobilehumanpose.errors import UserError
from mobilehumanpose.export.source import Source, average, load_source
from mobilehumanpose.skeleton import get_skeleton
from mobilehumanpose.train.command import LOADERS
from mobilehumanpose.train.dataset import CropDataset
from mobilehumanpose.train.step import make_normalizer
from mobilehumanpose.train.validation import ValidationResult, validate

SETS = {"LSP Extended": ("lspet-validation", 1), "synthetic": ("synth-held-out", 6)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--position", choices=("mean", "peak"), default="peak")
    arguments = parser.parse_args()
    console = Console()
    try:
        sources = {name: load_source(name) for name in arguments.files}
        average(sources)  # refuses what cannot be averaged before an hour of looking
        skeleton = get_skeleton(next(iter(sources.values())).metadata.joint_set)
    except UserError as error:
        sys.exit(str(error))
    table = Table("mean of")
    sets = []
    for title, (name, every) in SETS.items():
        try:
            dataset = LOADERS[name](arguments.data)
        except UserError as error:
            console.print(f"{title}: {error}")
            continue
        some = dataset.samples.subset(np.arange(0, len(dataset.samples), every))
        sets.append(
            CropDataset(
                [replace(dataset, samples=some)],
                skeleton=skeleton,
                crop_px=next(iter(sources.values())).input_px,
                augmentation=None,
                upright=True,
            )
        )
        table.add_column(f"{title}, PCK@0.2")
        table.add_column("depth, mm")
    if not sets:
        sys.exit(f"{arguments.data}: nothing to measure on")
    for number, name in enumerate(sources, start=1):
        console.print(f"{number}: {name}")
    for numbers, source in choices(sources):
        results = [look(source, crops, arguments.position) for crops in sets]
        figures = [
            text for r in results for text in (f"{r.pck_torso:.3f}", f"{r.depth_error_mm:.1f}")
        ]
        table.add_row(numbers, *figures)
        console.print(numbers, *figures)
    console.print(table)


def choices(sources: dict[str, Source]) -> Iterator[tuple[str, Source]]:
    """(numbers from 1, mean of their weights) for every choice of the files, small ones first."""
    for size in range(1, len(sources) + 1):
        for chosen in combinations(enumerate(sources.items(), start=1), size):
            numbers = " ".join(str(number) for number, _ in chosen)
            yield numbers, average(dict(item for _, item in chosen))


def look(source: Source, crops: CropDataset, position: Position) -> ValidationResult:
    """What a network sees of the crops."""
    normalize = make_normalizer(source.metadata.mean, source.metadata.std, torch.device("cpu"))
    return validate(source.network, crops, normalize, position=position, workers=0, batch_size=8)


if __name__ == "__main__":
    main()
