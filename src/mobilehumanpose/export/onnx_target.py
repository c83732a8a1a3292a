"""ONNX: for ONNX Runtime on every system and in browsers, and for ``mhp predict`` itself.

The graph takes uint8 pictures as they are, and is rewritten by :mod:`.fast_graph`. In float16 the
weights alone are halves, see :mod:`.onnx_file`; int8 is :mod:`.onnx_int8`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from .fast_graph import fast_graph
from .graph import ExportGraph
from .onnx_file import describe_proto, float_graph, halve_weights
from .onnx_int8 import quantise
from .sidecar import InputSpec, Interface, usual_outputs
from .targets import Job, Runner, Target


def convert(job: Job) -> Interface:
    """Write the ``.onnx`` file."""
    source, side = job.source, job.source.input_px
    outputs = usual_outputs(source.num_joints, source.grid, with_head=job.with_head)
    graph = ExportGraph(source, with_head=job.with_head, layout="NHWC")
    proto = float_graph(graph, side, [output.name for output in outputs])
    if job.calibration is not None:
        proto = quantise(proto, job.calibration)
    else:
        proto = fast_graph(proto)
        if job.precision == "float16":
            halve_weights(proto)
    describe_proto(proto, source.describe(job.name))
    onnx.checker.check_model(proto)
    job.path.write_bytes(proto.SerializeToString())
    return Interface(
        input=InputSpec(name="image", shape=(1, side, side, 3), layout="NHWC", dtype="uint8"),
        outputs=outputs,
    )


def load(path: Path, interface: Interface) -> Runner:
    """The file in ONNX Runtime."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in interface.outputs]

    def run(image: NDArray) -> list[NDArray[np.floating]]:
        return session.run(names, {interface.input.name: image})

    return run


TARGET = Target(
    name="onnx",
    suffix=".onnx",
    packages=("onnx", "onnxscript", "onnxslim"),
    extra="export",
    convert=convert,
    load=load,
)
