"""ncnn (``.param`` and ``.bin``): for phones, small boards, and Vulkan.

pnnx turns the PyTorch network into it, and :mod:`.ncnn_int8` that into int8. ncnn has no
comparisons, which the head's scores need, so heat-maps come out; and pictures are scaled by the
app, as ``ncnn::Mat`` does on its way in.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .graph import ExportGraph, example_image
from .ncnn_int8 import largest_inputs, quantise, read_layers, write_layers
from .quiet import quiet_programs
from .sidecar import InputSpec, Interface, usual_outputs
from .targets import Job, Runner, Target

#: What pnnx calls them.
INPUT, OUTPUT = "in0", "out0"


def convert(job: Job) -> Interface:
    """Write the ``.param`` file, and the ``.bin`` file of its weights beside it."""
    import pnnx

    source, side = job.source, job.source.input_px
    graph = ExportGraph(source, with_head=False, layout="NCHW", scales=False)
    weights = job.path.with_suffix(".bin")
    with tempfile.TemporaryDirectory() as folder, quiet_programs():
        pnnx.export(
            graph,
            str(Path(folder) / "traced.pt"),
            inputs=example_image(source, "NCHW"),
            ncnnparam=str(job.path),
            ncnnbin=str(weights),
            fp16=job.precision == "float16",
            check_trace=False,
        )
    if not (job.path.is_file() and weights.is_file()):
        raise UserError(f"{job.path.name}: pnnx gave no files")
    if job.calibration is not None:
        layers = read_layers(job.path)
        images = source.scaled(job.calibration).numpy()
        largest = largest_inputs(open_network(job.path), INPUT, images, layers)
        write_layers(job.path, quantise(layers, largest))
    return Interface(
        input=InputSpec(
            name=INPUT,
            shape=(1, 3, side, side),
            layout="NCHW",
            dtype="float32",
            mean=source.metadata.mean,
            std=source.metadata.std,
        ),
        outputs=usual_outputs(source.num_joints, source.grid, with_head=False, names=[OUTPUT]),
    )


def open_network(path: Path) -> Any:
    """The file as an ``ncnn.Net`` on one thread, which computes in float32 what is not in int8."""
    import ncnn

    network = ncnn.Net()
    network.opt.use_vulkan_compute = False
    network.opt.num_threads = 1
    network.opt.use_fp16_packed = False
    network.opt.use_fp16_storage = False
    network.opt.use_fp16_arithmetic = False
    network.opt.use_bf16_storage = False
    if network.load_param(str(path)) or network.load_model(str(path.with_suffix(".bin"))):
        raise UserError(f"{path.name}: ncnn cannot load it")
    return network


def load(path: Path, interface: Interface) -> Runner:
    """The file in ncnn, see :func:`open_network`."""
    import ncnn

    network = open_network(path)

    def run(image: NDArray) -> list[NDArray[np.floating]]:
        extractor = network.create_extractor()
        extractor.input(interface.input.name, ncnn.Mat(image[0]).clone())
        status, heatmaps = extractor.extract(interface.outputs[0].name)
        if status:
            raise UserError(f"{path.name}: ncnn gives no {interface.outputs[0].name!r}")
        return [np.array(heatmaps)]

    return run


TARGET = Target(
    name="ncnn",
    suffix=".param",
    packages=("ncnn", "pnnx"),
    extra="export-ncnn",
    can_have_head=False,
    convert=convert,
    load=load,
)
