"""ExecuTorch (``.pte``): PyTorch's own runtime for phones, here with the XNNPACK backend.

It takes pictures of 0…255 as float32. XNNPACK computes in float32 or in int8; with weights in
float16 it would compute in float16, which is not offered.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..models.head import MarginalHead
from .graph import ExportGraph, example_image
from .quiet import quiet_programs
from .sidecar import InputSpec, Interface, usual_outputs
from .targets import Job, Runner, Target


def convert(job: Job) -> Interface:
    """Write the ``.pte`` file."""
    source, side = job.source, job.source.input_px
    graph = ExportGraph(source, with_head=job.with_head, layout="NCHW", head=MarginalHead)
    example = (example_image(source, "NCHW"),)
    with quiet_programs():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        if job.calibration is not None:
            graph.network = quantise(graph.network, source.scaled(job.calibration))
        program = torch.export.export(graph, example)
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        job.path.write_bytes(lowered.to_executorch().buffer)
    return Interface(
        input=InputSpec(name="image", shape=(1, 3, side, side), layout="NCHW", dtype="float32"),
        outputs=usual_outputs(source.num_joints, source.grid, with_head=job.with_head),
    )


def quantise(network: nn.Module, images: Tensor) -> nn.Module:
    """The network with int8 weights by channel and int8 activations; the head is not in it.

    Args:
        network: with its normalisations folded.
        images: (N, 3, P, P) scaled, to measure ranges on.
    """
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantiser = XNNPACKQuantizer()
    quantiser.set_global(get_symmetric_quantization_config(is_per_channel=True))
    prepared = prepare_pt2e(torch.export.export(network, (images[:1],)).module(), quantiser)
    _round_behind_relu6(prepared)
    with torch.no_grad():
        for image in images:
            prepared(image[None])
    return convert_pt2e(prepared)


def _round_behind_relu6(prepared: torch.fx.GraphModule) -> None:
    """Round what a ReLU6 gives, and not what it takes too, in place.

    The quantiser knows convolutions with ReLU, but takes ReLU6 for a layer of its own, whose input
    it rounds: over a range many times as wide as the 0 to 6 that it lets pass, so that few of the
    256 steps are left for these. XNNPACK does the two as one.
    """
    for node in list(prepared.graph.nodes):
        if node.target is not torch.ops.aten.hardtanh.default:
            continue
        observer = node.args[0]
        if observer.op == "call_module" and len(observer.users) == 1:
            node.replace_input_with(observer, observer.args[0])
            prepared.graph.erase_node(observer)
    prepared.recompile()


def load(path: Path, _: Interface) -> Runner:
    """The file in ExecuTorch's runtime; its inputs and outputs have an order, and no names."""
    with quiet_programs():
        from executorch.runtime import Runtime

        # The method lives no longer than the program and the runtime: the runner keeps them.
        runtime = Runtime.get()
        program = runtime.load_program(path)
        method = program.load_method("forward")

    def run(image: NDArray, _kept: tuple = (runtime, program)) -> list[NDArray[np.floating]]:
        return [tensor.numpy().copy() for tensor in method.execute((torch.from_numpy(image),))]

    return run


TARGET = Target(
    name="executorch",
    suffix=".pte",
    packages=("executorch", "torchao"),
    extra="export-executorch",
    precisions=("float32", "int8"),
    can_have_head=True,
    convert=convert,
    load=load,
)
