"""Rewrites of a float graph that let its quantised form run faster.

* Channels of the picture that are scaled apart are scaled alike, and the first convolution makes
  up for it: then its quantised input is the pixels themselves
  (``onnx_int8.read_pixels_directly``). Beyond the picture's edge, where a convolution sees zeros,
  those stand for the mean of all channels instead of each one's own: a few grey levels in one row
  and one column.
* Heat-maps that are upsampled last are multiplied with the weights of the interpolation, twice as
  fast as ONNX Runtime's ``Resize`` of floats, which is most of what remains behind an int8 network.
* ``Resize`` to a computed size → by the constant factor that it comes to.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper
from onnxscript import ir

from .fast_graph import height_width, with_constant_factors
from .graph_edits import constant, finished, name_of, new_node, numbers_of, replace_with

#: The convolution whose outputs are the heat-maps: all behind it is the head.
LAST_LAYER = "network.final_layer.weight"


def int8_graph(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The same function of the same pictures, but for their edges.

    Args:
        proto: a float32 graph of :func:`.onnx_file.float_graph`.
    """
    model = with_constant_factors(ir.serde.deserialize_model(proto))
    for node in list(model.graph):
        if node.op_type == "Conv":
            _scale_channels_alike(model.graph, node)
        elif node.op_type == "Resize":
            _multiply_out(model.graph, node)
    return finished(model)


def _scale_channels_alike(graph: ir.Graph, convolution: ir.Node) -> None:
    divide = _producer(convolution.inputs[0], "Div")
    subtract = None if divide is None else _producer(divide.inputs[0], "Sub")
    if divide is None or subtract is None:
        return
    std, mean = numbers_of(divide.inputs[1]), numbers_of(subtract.inputs[1])
    weights, bias = map(numbers_of, convolution.inputs[1:3])
    if std is None or mean is None or weights is None or bias is None:
        return
    own_std, own_mean = (np.broadcast_to(x, (1, weights.shape[1], 1, 1)) for x in (std, mean))
    level = float(np.clip(np.rint(own_mean.mean()), 0, 255))
    spread = float(own_std.mean())
    if (own_mean == level).all() and (own_std == spread).all():
        return
    # w · (p − mean) / std = (w · spread / std) · (p − level) / spread − w · (mean − level) / std
    shift = (weights * (own_mean - level) / own_std).sum(axis=(1, 2, 3))
    scaled = weights * (spread / own_std)
    pixels = cast(ir.Value, subtract.inputs[0])
    for op_type, number in (("Sub", level), ("Div", spread)):
        value = constant(graph, f"pixel.{op_type}", np.full((1, 1, 1, 1), number, np.float32))
        pixels = new_node(convolution, op_type, [pixels, value])
    pixels.type, pixels.shape = divide.outputs[0].type, divide.outputs[0].shape
    names = [f"{name_of(value)}.alike" for value in convolution.inputs[1:3]]
    convolution.replace_input_with(0, pixels)
    for index, name, numbers in zip((1, 2), names, (scaled, bias - shift), strict=True):
        convolution.replace_input_with(index, constant(graph, name, numbers.astype(np.float32)))


def _multiply_out(graph: ir.Graph, resize: ir.Node) -> None:
    maps = resize.inputs[0]
    source = _producer(maps, "Conv")
    scales = numbers_of(resize.inputs[2]) if len(resize.inputs) == 3 else None
    size = height_width(maps)
    if source is None or name_of(source.inputs[1]) != LAST_LAYER or scales is None or size is None:
        return
    down, across = (
        _interpolation(resize, side, scale) for side, scale in zip(size, scales[2:], strict=True)
    )
    result = new_node(resize, "MatMul", [maps, constant(graph, f"{name_of(maps)}.across", across)])
    result = new_node(resize, "MatMul", [constant(graph, f"{name_of(maps)}.down", down.T), result])
    replace_with(resize, result)


def _interpolation(resize: ir.Node, side: int, scale: float) -> NDArray[np.float32]:
    """(side, side · scale) what each cell gives to the upsampled ones, as ONNX Runtime has it."""
    attributes = [ir.serde.serialize_attribute(a) for a in resize.attributes.values()]
    node = helper.make_node("Resize", ["cells", "", "scales"], ["upsampled"])
    node.attribute.extend(attributes)
    scales = np.array([1, 1, 1, scale], np.float32)
    graph = helper.make_graph(
        [node],
        "interpolation",
        [helper.make_tensor_value_info("cells", onnx.TensorProto.FLOAT, [1, 1, side, side])],
        [helper.make_tensor_value_info("upsampled", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(scales, "scales")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    identity = np.eye(side, dtype=np.float32)[None, None]
    return session.run(None, {"cells": identity})[0][0, 0]


def _producer(value: ir.Value | None, op_type: str) -> ir.Node | None:
    node = None if value is None else value.producer()
    return node if node is not None and node.op_type == op_type else None
