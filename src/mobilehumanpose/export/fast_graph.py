"""Exact rewrites of an exported graph that ONNX Runtime's processor kernels run faster.

Its convolutions keep channels in blocks, and whatever cannot work on blocks makes it unpack the
whole tensor and pack it again. So each operator between convolutions is put in a form that can:

* ``Resize`` to a computed size → ``Resize`` by the constant factor that it comes to.
* A 1×1 convolution of an upsampled tensor → the convolution, then the upsampling: both are linear,
  and the weights of bilinear interpolation sum to one, so that they may change places, and the
  convolution is left with a quarter of the pixels. Of a concatenation each part gets its share of
  the weights, and the results are added.
* ``PRelu``, which ONNX Runtime runs on one thread and without blocks → depth-wise 1×1
  convolutions, ``Relu`` and ``Add``.

All are identities but for the rounding of float32, whatever the weights. ``docs/speed.md`` tells
what they bring.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxscript import ir

from ..models.onnx_weights import PART_MARK, PRELU_PREFIX
from .graph_edits import constant, finished, name_of, new_node, numbers_of, put, replace_with


def fast_graph(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The same function of the same inputs in operators that run faster.

    Args:
        proto: with constant weights among its initialisers and batch normalisations folded, as
            ``onnxslim`` leaves it. It may be changed.

    Returns:
        Another graph; what no rewrite fits is as it was.
    """
    model = with_constant_factors(ir.serde.deserialize_model(proto))
    for node in list(model.graph):
        _upsample_behind_convolution(model.graph, node)
    for node in list(model.graph):
        if node.op_type == "PRelu":
            _rewrite_prelu(model.graph, node)
    return finished(model)


def with_constant_factors(model: ir.Model) -> ir.Model:
    """The model whose ``Resize`` to sizes that are known are by constant factors."""
    while _give_one_resize_its_factor(model.graph):
        model = _with_shapes(model)
    return model


def _with_shapes(model: ir.Model) -> ir.Model:
    proto = finished(model)
    return ir.serde.deserialize_model(onnx.shape_inference.infer_shapes(proto, data_prop=True))


def _give_one_resize_its_factor(graph: ir.Graph) -> bool:
    """Rewrite one ``Resize`` whose size is known; the shapes behind it are known only then."""
    for node in graph:
        if node.op_type != "Resize" or len(node.inputs) < 4:
            continue
        image, sizes = node.inputs[0], node.inputs[3]
        before, after = height_width(image), _last_two(sizes)
        if image is None or before is None or after is None:
            continue
        if after[0] % before[0] or after[1] % before[1]:
            continue
        factors = np.array([1, 1, after[0] / before[0], after[1] / before[1]], np.float32)
        scales = constant(graph, f"{node.name}.scales", factors)
        replace_with(node, _upsampled(node, node, image, scales))
        return True
    return False


def height_width(value: ir.Value | None) -> tuple[int, int] | None:
    """Of (N, C, H, W), where they are constant."""
    if value is None or value.shape is None or len(value.shape) != 4:
        return None
    height, width = value.shape[2], value.shape[3]
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _last_two(sizes: ir.Value | None) -> tuple[int, int] | None:
    """Height and width of a computed size: constant, or what a constant ends that is joined on."""
    producer = None if sizes is None else sizes.producer()
    last = producer.inputs[-1] if producer is not None and producer.op_type == "Concat" else sizes
    numbers = numbers_of(last)
    return None if numbers is None or numbers.size < 2 else (int(numbers[-2]), int(numbers[-1]))


def _upsample_behind_convolution(graph: ir.Graph, node: ir.Node) -> None:
    weights = numbers_of(node.inputs[1]) if node.op_type == "Conv" else None
    if weights is None or not _is_pointwise(node, weights):
        return
    source = cast(ir.Value, node.inputs[0])
    joined = source.producer()
    parts: list[ir.Value | None] = [source]
    if joined is not None and joined.op_type == "Concat" and len(source.uses()) == 1:
        parts = list(joined.inputs)
    channels = [_channels(part) for part in parts]
    if not any(map(_only_upsampled_for, parts)) or None in channels:
        return
    starts = np.cumsum([0, *channels])
    name, bias = name_of(node.inputs[1]), node.inputs[2:3]
    results: list[ir.Value] = []
    for part, start, end in zip(parts, starts, starts[1:], strict=False):
        own_weights = node.inputs[1]
        if len(parts) > 1:
            own_name = f"{name}{PART_MARK}{start}"
            own_weights = constant(graph, own_name, weights[:, start:end])
        resize = _only_upsampled_for(part)
        own_input = part if resize is None else resize.inputs[0]
        # The bias goes with the last part; the weights of the interpolation sum to one.
        own_bias = bias if end == starts[-1] else []
        result = new_node(node, "Conv", [own_input, own_weights, *own_bias], kernel_shape=[1, 1])
        if resize is not None:
            result = _upsampled(node, resize, result, resize.inputs[2])
        results.append(result)
    total = results[0]
    for result in results[1:]:
        total = new_node(node, "Add", [total, result])
    replace_with(node, total)


def _is_pointwise(node: ir.Node, weights: NDArray) -> bool:
    return (
        weights.shape[2:] == (1, 1)
        and node.attributes.get_int("group", 1) == 1
        and set(node.attributes.get_ints("strides", [1])) == {1}
        and not any(node.attributes.get_ints("pads", []))
    )


def _channels(value: ir.Value | None) -> int | None:
    shape = None if value is None else value.shape
    return shape[1] if shape is not None and isinstance(shape[1], int) else None


def _only_upsampled_for(value: ir.Value | None) -> ir.Node | None:
    """The linear ``Resize`` by constant factors that makes a value for one user alone."""
    if value is None or len(value.uses()) != 1:
        return None
    node = value.producer()
    if node is None or node.op_type != "Resize":
        return None
    scales = numbers_of(node.inputs[2]) if len(node.inputs) == 3 else None
    is_linear = node.attributes.get_string("mode", "nearest") == "linear"
    return node if is_linear and scales is not None and (scales >= 1).all() else None


def _rewrite_prelu(graph: ir.Graph, node: ir.Node) -> None:
    x, slope = cast(ir.Value, node.inputs[0]), numbers_of(node.inputs[1])
    if slope is None or slope.shape[-3:] != (slope.size, 1, 1) or slope.size == 1:
        return  # not one slope per channel
    slope = slope.reshape(-1, 1, 1, 1)  # the weights of a depth-wise 1×1 convolution
    name = f"{PRELU_PREFIX}{name_of(node.inputs[1])}"

    def scaled(value: ir.Value, factors: NDArray, suffix: str) -> ir.Value:
        weights = constant(graph, f"{name}.{suffix}", factors)
        return new_node(node, "Conv", [value, weights], group=len(factors), kernel_shape=[1, 1])

    if (slope <= 1).all():
        # Below zero (a − 1)·x is positive and adds up to a·x; above, it is not and adds nothing.
        below = new_node(node, "Relu", [scaled(x, slope - 1, "below")])
        result = new_node(node, "Add", [x, below])
    else:
        positive = scaled(new_node(node, "Relu", [x]), 1 - slope, "positive")
        result = new_node(node, "Add", [scaled(x, slope, "all"), positive])
    replace_with(node, result)


def _upsampled(
    before: ir.Node, like: ir.Node, image: ir.Value, scales: ir.Value | None
) -> ir.Value:
    attributes = list(like.attributes.values())
    return put(before, ir.Node("", "Resize", [image, None, scales], attributes))
