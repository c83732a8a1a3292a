"""LiteRT (``.tflite``): for Android, iOS, Linux boards and browsers.

litert-torch turns the PyTorch network into a float32 file, which takes pictures of 0…255 as
float32 in the layout that cameras have. Its quantiser then makes float16 weights or int8 of it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ..models.head import MarginalHead
from .graph import ExportGraph, example_image, replace_prelus
from .quiet import quiet_programs
from .sidecar import InputSpec, Interface, usual_outputs
from .targets import Job, Runner, Target

SIGNATURE = "serving_default"
#: A regular expression: tensors of the network itself bear the name of its scope; those of the
#: scaling before it and of the head behind it do not.
NETWORK_SCOPE = "_network(/|;|$)"
#: Operators that are quantised there. Whatever else comes up stays in float; so does the head's
#: SOFTMAX in any case, since it is out of scope.
INT8_OPERATORS = (
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "ADD",
    "MUL",
    "MAXIMUM",
    "CONCATENATION",
    "RESIZE_BILINEAR",
    "AVERAGE_POOL_2D",
    "PAD",
)
FLOAT16_OPERATORS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


class _Named(nn.Module):
    """Outputs by name, since that is how litert-torch names them in the file."""

    def __init__(self, graph: ExportGraph, names: list[str]) -> None:
        super().__init__()
        self.pixels_to_outputs = graph  # torch.fx has a "graph" of its own
        self.names = names

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        outputs = self.pixels_to_outputs(image)
        if isinstance(outputs, Tensor):
            outputs = (outputs,)
        return dict(zip(self.names, outputs, strict=True))


def convert(job: Job) -> Interface:
    """Write the ``.tflite`` file."""
    source, side = job.source, job.source.input_px
    outputs = usual_outputs(source.num_joints, source.grid, with_head=job.with_head)
    graph = ExportGraph(source, with_head=job.with_head, layout="NHWC", head=MarginalHead)
    replace_prelus(graph.network)  # or each becomes RELU, MUL and SUB
    named = _Named(graph, [output.name for output in outputs]).eval()
    with quiet_programs():
        import litert_torch

        model = litert_torch.convert(named, sample_kwargs={"image": example_image(source, "NHWC")})
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / "float32.tflite"
            model.export(str(plain))
            content = plain.read_bytes()
        if job.precision == "float16":
            content = _halve_weights(content)
        elif job.calibration is not None:
            content = _quantise(content, job.calibration)
    job.path.write_bytes(content)
    return Interface(
        input=InputSpec(name="image", shape=(1, side, side, 3), layout="NHWC", dtype="float32"),
        outputs=outputs,
    )


def _halve_weights(content: bytes) -> bytes:
    from ai_edge_quantizer import qtyping, quantizer
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    config = qtyping.OpQuantizationConfig(
        weight_tensor_config=qtyping.TensorQuantizationConfig(
            num_bits=16, dtype=qtyping.TensorDataType.FLOAT
        ),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )
    halver = quantizer.Quantizer(bytearray(content))
    for operator in FLOAT16_OPERATORS:
        halver.update_quantization_recipe(
            ".*", qtyping.TFLOperationName(operator), config, AlgorithmName.FLOAT_CASTING
        )
    return bytes(halver.quantize(enable_progress_report=False).quantized_model)


def _quantise(content: bytes, crops: NDArray[np.uint8]) -> bytes:
    """Weights int8 by channel, activations int8."""
    from ai_edge_quantizer import qtyping, quantizer

    quantiser = quantizer.Quantizer(bytearray(content))
    for operator in INT8_OPERATORS:
        quantiser.add_static_config(
            NETWORK_SCOPE,
            qtyping.TFLOperationName(operator),
            activation_num_bits=8,
            weight_num_bits=8,
        )
    samples = [{"image": crop[None].astype(np.float32)} for crop in crops]
    ranges = quantiser.calibrate({SIGNATURE: samples}, num_threads=2)
    return bytes(quantiser.quantize(ranges, enable_progress_report=False).quantized_model)


def load(path: Path, interface: Interface) -> Runner:
    """The file in LiteRT, on one thread."""
    from ai_edge_litert.interpreter import Interpreter

    with quiet_programs():
        interpreter = Interpreter(str(path), num_threads=1)
        run_signature = interpreter.get_signature_runner(SIGNATURE)

    def run(image: NDArray) -> list[NDArray[np.floating]]:
        outputs = run_signature(**{interface.input.name: image})
        return [outputs[spec.name] for spec in interface.outputs]

    return run


TARGET = Target(
    name="litert",
    suffix=".tflite",
    packages=("litert_torch", "ai_edge_litert", "ai_edge_quantizer"),
    extra="export-litert",
    convert=convert,
    load=load,
)
