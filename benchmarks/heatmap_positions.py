"""Where in its heat-map a joint is best looked for: the table of docs/experiments-looks.md.

    python benchmarks/heatmap_positions.py --data DATA [--model NAME_OR_FILE]

Upright crops of LSP Extended's validation tenth and, where DATA has them, of held-out synthetic
pictures go through the network once. Its heat-maps are then read in many ways: by their mean, by
the mean of a power of them, and by that of what smoothing, by so many cells, and a power leave of
the picture's plane.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from mobilehumanpose.data.lspet import torso_length_px
from mobilehumanpose.decode import smoothing_matrix
from mobilehumanpose.errors import UserError
from mobilehumanpose.export.source import Source, load_source
from mobilehumanpose.models.head import Marginals, expected_cells, joint_marginals
from mobilehumanpose.skeleton import LIMB_JOINTS, get_skeleton
from mobilehumanpose.train.command import LOADERS
from mobilehumanpose.train.dataset import CropDataset
from mobilehumanpose.train.validation import summarize
from mobilehumanpose.weights import DEFAULT_MODEL

SETS = {"LSP Extended": ("lspet-validation", 1), "synthetic": ("synth-held-out", 6)}
POWERS = (1.5, 3.0)
SIGMAS_CELLS = (1.0, 1.5, 2.0)
PLANE_POWERS = (4, 8, 16, 32)
BATCH = 8


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    arguments = parser.parse_args()
    table = Table("x and y", title=f"{arguments.model}: PCK@0.2, and distance in torso lengths")
    columns = []
    try:
        source = load_source(arguments.model)
    except UserError as error:
        sys.exit(str(error))
    for title, (name, every) in SETS.items():
        try:
            columns.append(measure(source, name, arguments.data, every))
        except UserError as error:
            Console().print(f"{title}: {error}")
            continue
        table.add_column(f"{title}, PCK")
        table.add_column("distance")
    if not columns:
        sys.exit(f"{arguments.data}: nothing to measure on")
    for way in columns[0]:
        cells = [f"{value:.3f}" for column in columns for value in column[way]]
        table.add_row(way, *cells)
    Console().print(table)


def measure(source: Source, name: str, data: Path, every: int) -> dict[str, tuple[float, float]]:
    """(PCK, mean distance in torso lengths) over the limb joints for each way to read."""
    skeleton = get_skeleton(source.metadata.joint_set)
    dataset = LOADERS[name](data)
    dataset = replace(
        dataset, samples=dataset.samples.subset(np.arange(0, len(dataset.samples), every))
    )
    crops = CropDataset(
        [dataset], skeleton=skeleton, crop_px=source.input_px, augmentation=None, upright=True
    )
    found: dict[str, list[np.ndarray]] = {}
    targets, known = [], []
    for start in range(0, len(dataset.samples), BATCH):
        batch = [crops[0, i, 0] for i in range(start, min(start + BATCH, len(dataset.samples)))]
        pixels = np.stack([crop.pixels.numpy().transpose(1, 2, 0) for crop in batch])
        with torch.inference_mode():
            heatmaps = source.network(source.scaled(pixels))
        for way, cells in read(heatmaps, skeleton.num_joints):
            found.setdefault(way, []).append(cells.numpy())
        targets += [crop.targets.numpy() for crop in batch]
        known += [crop.known.numpy() for crop in batch]
    truth, is_known = np.stack(targets), np.stack(known)
    limbs = skeleton.indices(LIMB_JOINTS)
    torso = torso_length_px(truth[..., :2], is_known[..., 0])
    counts = is_known[:, limbs, 0] & np.isfinite(torso)[:, None]
    figures = {}
    for way, parts in found.items():
        shares = np.concatenate(parts) / source.grid
        away = np.linalg.norm((shares - truth)[:, limbs, :2], axis=-1) / torso[:, None]
        pck = summarize(shares, truth, is_known, limbs).pck_torso
        figures[way] = (pck, float(away[counts].mean()))
    return figures


def read(heatmaps: torch.Tensor, num_joints: int) -> Iterator[tuple[str, torch.Tensor]]:
    """(N, J, 3) cells for each way to read (N, J·D, H, W) logits."""
    marginals = joint_marginals(heatmaps, num_joints)
    yield "the mean", expected_cells(marginals)
    for power in POWERS:
        sharper = joint_marginals(heatmaps * power, num_joints)
        yield f"all of it, power {power:g}", expected_cells(sharper)
    for sigma in SIGMAS_CELLS:
        rows, columns = (
            torch.tensor(smoothing_matrix(n, sigma)) for n in marginals.plane.shape[2:]
        )
        smooth = rows @ marginals.plane @ columns
        smooth = smooth / smooth.amax(dim=(2, 3), keepdim=True)
        for power in PLANE_POWERS:
            plane = smooth**power
            plane = plane / plane.sum(dim=(2, 3), keepdim=True)
            cells = expected_cells(Marginals(plane, marginals.depth))
            yield f"smoothed by {sigma:g}, power {power}", cells


if __name__ == "__main__":
    main()
