"""Time of networks as ``mhp export`` writes them, against a plain export of the same networks.

    python benchmarks/export_speed.py [--threads 2] [--rounds 30] [PRESET…]

Plain is what ``torch.onnx.export`` makes of the network with its last layer behind the last
upsampling, as the original has it, softmax and the product with all cells' coordinates, which gives
no scores. Both files have float32 weights, and run in ONNX Runtime in
turns within each round, so that a busy machine slows them alike. Weights are random: they don't
change the time, but that slopes of PReLU above 1 do, which ``--steepest`` allows.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mobilehumanpose.bench.clock import ratio, spread
from mobilehumanpose.bench.fresh import drawn_source
from mobilehumanpose.export import onnx_target
from mobilehumanpose.export.source import Source
from mobilehumanpose.export.targets import Job


class PlainGraph(nn.Module):
    """Scaled pixels to cells, as one would write it down."""

    coordinates: Tensor

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.network = copy.deepcopy(source.network)
        self.final_layer = self.network.final_layer
        self.network.add_module("final_layer", nn.Identity())  # in its place
        self.num_joints = source.num_joints
        width, height, depth = source.grid
        axes = [torch.arange(float(size)) for size in (depth, height, width)]
        z, y, x = torch.meshgrid(*axes, indexing="ij")
        self.register_buffer("coordinates", torch.stack([x, y, z], dim=-1).reshape(-1, 3))

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, P, P) → (N, J, 3) cells."""
        heatmaps = self.final_layer(self.network(images))
        probability = heatmaps.reshape(len(images), self.num_joints, -1).softmax(dim=-1)
        return probability @ self.coordinates


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", default=["lpski-l", "lpski-s"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--steepest", type=float, default=0.9)
    arguments = parser.parse_args()
    for preset in arguments.presets:
        source = drawn_source(preset, "prelu", steepest=arguments.steepest)
        with tempfile.TemporaryDirectory() as folder:
            plain, ours = Path(folder) / "plain.onnx", Path(folder) / "ours.onnx"
            write_plain(source, plain)
            onnx_target.convert(
                Job(source=source, name=preset, path=ours, precision="float32", with_head=True)
            )
            compare(preset, source, plain, ours, arguments.threads, arguments.rounds)


def write_plain(source: Source, path: Path) -> None:
    """The plain file, for one picture."""
    images = torch.zeros(1, 3, source.input_px, source.input_px)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.onnx.export(
            PlainGraph(source).eval(),
            (images,),
            path,
            input_names=["image"],
            output_names=["cells"],
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def compare(
    preset: str, source: Source, plain: Path, ours: Path, threads: int, rounds: int
) -> None:
    """Time both files in turns and print it, with what their joints differ by."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    side = source.input_px
    crop = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    inputs: list[NDArray] = [source.scaled(crop).numpy(), crop]
    sessions = [
        ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for path in (plain, ours)
    ]
    times = np.zeros((2, rounds))
    answers: list[NDArray] = [np.zeros(0)] * 2
    for number in range(-3, rounds):  # the first are warm-up
        for at in (0, 1) if number % 2 else (1, 0):
            started = time.perf_counter()
            answers[at] = sessions[at].run(["cells"], {"image": inputs[at]})[0]
            if number >= 0:
                times[at, number] = (time.perf_counter() - started) * 1000
    print(f"{preset}, PReLU, {threads} threads, {rounds} rounds: median (10th–90th centile) in ms")
    for name, own in zip(("plain", "mhp export"), times, strict=True):
        found = spread(own)
        print(f"  {name:<10} {found.median_ms:7.2f} ({found.p10_ms:.2f}–{found.p90_ms:.2f})")
    difference = np.abs(answers[0] - answers[1]).max()
    print(f"  plain ÷ mhp export {ratio(*times):.2f}; {difference:.1e} cells apart", flush=True)


if __name__ == "__main__":
    main()
