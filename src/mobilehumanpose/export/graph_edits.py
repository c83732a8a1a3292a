"""Steps of rewriting an exported ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxscript import ir
from onnxscript.optimizer import remove_unused_nodes


def finished(model: ir.Model) -> onnx.ModelProto:
    """The graph without what nobody uses any more."""
    remove_unused_nodes(model)
    proto = ir.serde.serialize_model(model)
    # Between new nodes they are incomplete, and whoever reads the file infers them anyway.
    del proto.graph.value_info[:]
    return proto


def name_of(value: ir.Value | None) -> str:
    """The value's name; nothing for none."""
    return "" if value is None else value.name or ""


def numbers_of(value: ir.Value | None) -> NDArray | None:
    """What a constant holds; None for anything else."""
    if value is None or value.const_value is None:
        return None
    return value.const_value.numpy()


def constant(graph: ir.Graph, name: str, numbers: NDArray) -> ir.Value:
    """A constant among the graph's initialisers."""
    existing = graph.initializers.get(name)
    kept = numbers_of(existing)
    if existing is not None and kept is not None and np.array_equal(kept, numbers):
        return existing  # layers of the same weights share them
    tensor = ir.tensor(np.ascontiguousarray(numbers), name=name)
    value = ir.Value(
        name=name,
        shape=ir.Shape(numbers.shape),
        type=ir.TensorType(tensor.dtype),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value


def new_node(
    before: ir.Node, op_type: str, inputs: Sequence[ir.Value | None], **attributes: Any
) -> ir.Value:
    """The output of a new node, which stands before another one."""
    return put(before, ir.node(op_type, inputs, attributes))


def put(before: ir.Node, node: ir.Node) -> ir.Value:
    """Have a node stand before another one; its output."""
    cast(ir.Graph, before.graph).insert_before(before, node)
    return node.outputs[0]


def replace_with(node: ir.Node, result: ir.Value) -> None:
    """Let all users of a node's output take another value; name, type and shape go along."""
    replaced = node.outputs[0]
    result.type, result.shape = replaced.type, replaced.shape
    replaced.replace_all_uses_with(result, replace_graph_outputs=True)
    cast(ir.Graph, node.graph).remove(node, safe=True)
