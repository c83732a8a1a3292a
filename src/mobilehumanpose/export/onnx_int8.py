"""ONNX in int8: quantised where it is safe to, for ONNX Runtime.

Weights are int8, with a scale for each channel. Activations are uint8: signed ones are no faster
than float32 on x86. The head behind the network stays in float32.

Weights keep to 7 of their 8 bits. x86 processors without VNNI (before Intel's Ice Lake and AMD's
Zen 4) add two products of an activation and a weight in 16 bits, and clip what is larger than that:
with all 8 bits joints move by 67 mm on them, with 7, where no sum is too large, by 15 mm
(``docs/export.md``).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from ..errors import UserError
from .int8_graph import LAST_LAYER, int8_graph
from .quiet import quiet

#: Operators of the network itself. The rest, before and behind it, is never quantised.
OPERATORS = ("Conv", "Clip", "Relu", "Add", "Concat", "Resize", "AveragePool")


class _Crops(CalibrationDataReader):
    def __init__(self, crops: NDArray[np.uint8]) -> None:
        self._crops: Iterator[NDArray[np.uint8]] = iter(crops)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        crop = next(self._crops, None)
        return None if crop is None else {"image": crop[None]}


def quantise(
    proto: onnx.ModelProto, crops: NDArray[np.uint8], *, keep_float: Sequence[str] = ()
) -> onnx.ModelProto:
    """The graph with quantised layers.

    Args:
        proto: a float32 graph of :func:`.onnx_file.float_graph`.
        crops: (N, P, P, 3) to measure ranges on.
        keep_float: convolutions that stay in float, by the beginning of their weights' names.

    Raises:
        UserError: the graph has no last layer, before which the head could be told from the rest.
    """
    proto = int8_graph(proto)
    excluded = nodes_outside(proto)
    excluded += [
        node.name
        for node in proto.graph.node
        if node.op_type == "Conv" and node.input[1].startswith(tuple(keep_float))
    ]
    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "int8.onnx"
        quantize_static(
            proto,
            path,
            _Crops(crops),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=excluded,
            calibrate_method=CalibrationMethod.MinMax,
        )
        quantised = onnx.load(path)
    read_pixels_directly(quantised)
    return quantised


def read_pixels_directly(proto: onnx.ModelProto) -> None:
    """Let the first layer take the pixels for its quantised input, in place, where they are that.

    A uint8 pixel p that is scaled to (p − mean) / std is already quantised: with a zero point of
    mean and a scale of 1 / std, if those are the same for all channels and the mean is a whole
    number. Scaling and quantising it takes a fifth of the time of the whole network.
    """
    makers = {output: node for node in proto.graph.node for output in node.output}
    constants = {tensor.name: tensor for tensor in proto.graph.initializer}
    for quantize in [n for n in proto.graph.node if n.op_type == "QuantizeLinear"]:
        chain = [quantize]
        for op_type in ("Div", "Sub", "Cast"):
            maker = makers.get(chain[-1].input[0])
            if maker is None or maker.op_type != op_type:
                break
            chain.append(maker)
        else:
            _, divide, subtract, cast = chain
            std, mean = (
                np.unique(numpy_helper.to_array(constants[node.input[1]]))
                for node in (divide, subtract)
            )
            if len(std) == len(mean) == 1 and mean[0] in range(256):
                _dequantise(proto, quantize.output[0], cast.input[0], float(mean[0]), float(std[0]))
                for node in chain:
                    proto.graph.node.remove(node)
    used = {name for node in proto.graph.node for name in node.input}
    for name in constants.keys() - used:
        proto.graph.initializer.remove(constants[name])


def _dequantise(
    proto: onnx.ModelProto, quantized: str, pixels: str, mean: float, std: float
) -> None:
    """Have the readers of ``quantized`` read ``pixels`` instead, as (p − mean) / std."""
    proto.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(1 / std, np.float32), "pixel_scale"),
            numpy_helper.from_array(np.array(mean, np.uint8), "pixel_zero"),
        ]
    )
    for node in proto.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] == quantized:
            del node.input[:]
            node.input.extend([pixels, "pixel_scale", "pixel_zero"])


def nodes_outside(proto: onnx.ModelProto) -> list[str]:
    """Names of the nodes before the first convolution and behind the last: scaling and head."""
    first = next(i for i, node in enumerate(proto.graph.node) if node.op_type == "Conv")
    last = next((i for i, node in enumerate(proto.graph.node) if LAST_LAYER in node.input), None)
    if last is None:
        raise UserError(f"the graph has no {LAST_LAYER!r}: its head cannot be told from the rest")
    nodes = list(proto.graph.node)
    return [node.name for node in (*nodes[:first], *nodes[last + 1 :])]
