"""What int8 costs: accuracy of each target's int8 file beside PyTorch in float32.

    python benchmarks/quantisation_accuracy.py --data ../shared/data [--targets onnx,litert]
        [--photos 905] [--by-part]

The ranges are measured on photographs of LSP Extended's training part, cropped around their
labelled joints, 128 of them spread evenly; accuracy on the held-out tenth, with one look at each
person. ``--by-part`` tells instead how far joints move when all but one part of the network is in
int8 (ONNX Runtime, the first 64 held-out photographs): the part that needs to stay in float, if
one does, is the one without which they move less. Core ML cannot run here: PyTorch runs its
weights.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from mobilehumanpose.data.crops import cut_crop
from mobilehumanpose.data.lspet import load_lspet, split
from mobilehumanpose.data.samples import PoseDataset
from mobilehumanpose.evaluate.predict import CropNetwork
from mobilehumanpose.export.accuracy import measure
from mobilehumanpose.export.command import answering
from mobilehumanpose.export.crops import MAX_CALIBRATION
from mobilehumanpose.export.graph import ExportGraph
from mobilehumanpose.export.onnx_file import float_graph
from mobilehumanpose.export.onnx_int8 import quantise
from mobilehumanpose.export.parity import cell_mm
from mobilehumanpose.export.source import Reference, Source, load_source
from mobilehumanpose.export.targets import TARGET_MODULES, Job, find_target
from mobilehumanpose.geometry import crop_affine
from mobilehumanpose.weights import DEFAULT_MODEL

NUM_CROPS_BY_PART = 64
console = Console()


class Remembering:
    """A network that keeps what it answered."""

    def __init__(self, network: CropNetwork) -> None:
        self._network = network
        self.description, self.skeleton = network.description, network.skeleton
        self._cells: list[NDArray[np.float32]] = []

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As the network does."""
        cells, scores = self._network(crops)
        self._cells.append(cells)
        return cells, scores

    @property
    def cells(self) -> NDArray[np.float32]:
        """(N, J, 3) all so far."""
        return np.concatenate(self._cells)


def crops_of(dataset: PoseDataset, indices: Sequence[int], input_px: int) -> NDArray[np.uint8]:
    """(N, P, P, 3) around the labelled joints."""
    samples = dataset.samples
    return np.stack(
        [
            cut_crop(
                dataset.images,
                samples.image_name(index),
                crop_affine(samples.boxes_xywh[index], input_px),
                input_px,
                may_shrink=False,
            )
            for index in indices
        ]
    )


def shifts_mm(source: Source, found: NDArray, expected: NDArray) -> NDArray[np.float64]:
    """(N, J) distances."""
    return np.linalg.norm(
        (found - expected) * cell_mm(source.grid, source.metadata.depth_range_mm), axis=-1
    )


def compare_targets(
    source: Source, calibration: NDArray[np.uint8], dataset: PoseDataset, names: Sequence[str]
) -> None:
    """Print a row for PyTorch and for each target."""
    table = Table("file", "MB", "PCK@0.2 %", "depth error mm", "shift mm: mean, median, 95 %")
    reference = Remembering(Reference(source))
    accuracy = measure(reference, dataset)
    table.add_row("PyTorch float32", "", f"{accuracy.pck:.1f}", f"{accuracy.depth_mm:.1f}", "")
    for name in names:
        target = find_target(name)
        with tempfile.TemporaryDirectory() as folder:
            job = Job(
                source=source,
                name=name,
                path=Path(folder) / f"int8{target.suffix}",
                precision="int8",
                with_head=target.can_have_head,
                calibration=calibration,
            )
            interface = target.convert(job)
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files)
            network = Remembering(answering(target, job, interface))
            accuracy = measure(network, dataset)
        shift = shifts_mm(source, network.cells, reference.cells)
        table.add_row(
            f"{name} int8",
            f"{size / 1e6:.1f}",
            f"{accuracy.pck:.1f}",
            f"{accuracy.depth_mm:.1f}",
            f"{shift.mean():.1f}, {np.median(shift):.1f}, {np.percentile(shift, 95):.1f}",
        )
    console.print(table)


def compare_parts(source: Source, calibration: NDArray[np.uint8], crops: NDArray[np.uint8]) -> None:
    """Print how far joints move when a part of the network stays in float."""
    graph = ExportGraph(source, with_head=True, layout="NHWC")
    proto = float_graph(graph, source.input_px, ("cells", "scores"))
    expected, _ = Reference(source)(crops)
    children = dict.fromkeys(
        ".".join(name.split(".")[: 2 if name.startswith("inv_residual") else 1])
        for name, _ in source.network.named_parameters()
    )
    table = Table("in float", "shift mm: mean", "median")
    for part in (None, *children):
        kept = () if part is None else (f"network.{part}.",)
        quantised = quantise(proto, calibration, keep_float=kept)
        session = ort.InferenceSession(
            quantised.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        found = np.concatenate([session.run(["cells"], {"image": c[None]})[0] for c in crops])
        shift = shifts_mm(source, found, expected)
        table.add_row(part or "nothing", f"{shift.mean():.2f}", f"{np.median(shift):.2f}")
    console.print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with lspet-train.*")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--targets", default="onnx", help=",".join(TARGET_MODULES))
    parser.add_argument("--photos", type=int, help="only so many of the held-out ones, evenly")
    parser.add_argument("--by-part", action="store_true")
    arguments = parser.parse_args()

    source = load_source(arguments.model)
    training, held_out = split(load_lspet(arguments.data))
    chosen = np.linspace(0, len(training.samples) - 1, MAX_CALIBRATION).round().astype(int)
    calibration = crops_of(training, chosen.tolist(), source.input_px)
    if arguments.by_part:
        crops = crops_of(held_out, range(NUM_CROPS_BY_PART), source.input_px)
        compare_parts(source, calibration, crops)
        return
    if arguments.photos is not None:
        count = len(held_out.samples)
        rows = np.linspace(0, count - 1, min(arguments.photos, count)).round().astype(int)
        held_out = replace(held_out, samples=held_out.samples.subset(rows))
    compare_targets(source, calibration, held_out, arguments.targets.split(","))


if __name__ == "__main__":
    main()
