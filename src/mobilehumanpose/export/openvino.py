"""OpenVINO (``.xml`` and ``.bin``): for Intel's processors, graphics and NPUs.

It reads the float32 ONNX graph, and so takes uint8 pictures as they are. NNCF makes int8 of it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ..errors import UserError
from .graph import ExportGraph
from .onnx_file import float_graph
from .onnx_int8 import nodes_outside
from .quiet import quiet
from .sidecar import InputSpec, Interface, usual_outputs
from .targets import Job, Runner, Target


def convert(job: Job) -> Interface:
    """Write the ``.xml`` file, and the ``.bin`` file of its weights beside it."""
    import openvino

    source, side = job.source, job.source.input_px
    outputs = usual_outputs(source.num_joints, source.grid, with_head=job.with_head)
    graph = ExportGraph(source, with_head=job.with_head, layout="NHWC")
    proto = float_graph(graph, side, [output.name for output in outputs])
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "float32.onnx"
        onnx.save(proto, plain)
        model = openvino.convert_model(plain)
        model.reshape([1, side, side, 3])
        if job.calibration is not None:
            model = _quantise(model, job.calibration, proto)
        openvino.save_model(model, job.path, compress_to_fp16=job.precision == "float16")
    return Interface(
        input=InputSpec(name="image", shape=(1, side, side, 3), layout="NHWC", dtype="uint8"),
        outputs=outputs,
    )


def _quantise(model: Any, crops: NDArray[np.uint8], proto: onnx.ModelProto) -> Any:
    import nncf

    with quiet():
        return nncf.quantize(
            model,
            nncf.Dataset(list(crops[:, None])),
            subset_size=len(crops),
            ignored_scope=nncf.IgnoredScope(names=names_outside(model, proto), validate=False),
        )


def names_outside(model: Any, proto: onnx.ModelProto) -> list[str]:
    """Names of OpenVINO's operations for what is before and behind the network's convolutions.

    NNCF knows all that computes by the names that its conversion gave; what lies behind the last
    convolution is found by following its results.
    """
    operations = {op.get_friendly_name(): op for op in model.get_ordered_ops()}
    convolutions = ("Convolution", "GroupConvolution")
    last = None
    for operation in operations.values():
        if operation.get_type_name() in convolutions:
            last = operation
    if last is None:
        raise UserError("OpenVINO's graph has no convolution")
    # The bias of the last layer is an addition of its own, which is the head's doorstep.
    behind: dict[str, Any] = {}
    reached = [last]
    while reached:
        for output in reached.pop().outputs():
            for following in output.get_target_inputs():
                node = following.get_node()
                if node.get_friendly_name() not in behind:
                    behind[node.get_friendly_name()] = node
                    reached.append(node)
    before = [name for name in nodes_outside(proto) if name in operations]
    return sorted({*behind, *before})


def load(path: Path, interface: Interface) -> Runner:
    """The file in OpenVINO on the processor, in float32 where the file is."""
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(image: NDArray) -> list[NDArray[np.floating]]:
        results = compiled({interface.input.name: image})
        return [results[spec.name] for spec in interface.outputs]

    return run


TARGET = Target(
    name="openvino",
    suffix=".xml",
    packages=("openvino", "nncf", "onnx", "onnxscript", "onnxslim"),
    extra="export-openvino",
    precisions=("float16", "float32", "int8"),
    convert=convert,
    load=load,
)
