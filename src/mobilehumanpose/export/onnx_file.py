"""A network as an ONNX graph, with halved weights and a description inside where these are wanted.

Weights are stored as float16 behind a cast to float32, which ONNX Runtime folds when it loads the
file: half the size, and arithmetic in float32 throughout.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence

import numpy as np
import onnx
import onnxslim
import torch
from onnx import helper, numpy_helper
from torch import nn

from ..errors import UserError
from ..runtime import METADATA_KEY, ModelDescription

OPSET = 20
#: Weights of fewer elements (biases, norms) stay as they are: they weigh nothing.
MIN_HALF_ELEMENTS = 256


def float_graph(model: nn.Module, input_px: int, output_names: Sequence[str]) -> onnx.ModelProto:
    """The slimmed ONNX graph of (N, P, P, 3) uint8 pictures → outputs, all in float32.

    Raises:
        UserError: PyTorch's exporter gives none.
    """
    # PyTorch warns of operators of torchvision, which is not used here, and of its own ways.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.onnx.export(
            model,
            (torch.zeros(2, input_px, input_px, 3, dtype=torch.uint8),),
            input_names=["image"],
            output_names=list(output_names),
            dynamic_shapes={"image": {0: torch.export.Dim("batch", min=1, max=1024)}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise UserError("torch.onnx.export gave no graph")
    return onnxslim.slim(program.model_proto)


def describe_proto(proto: onnx.ModelProto, description: ModelDescription) -> None:
    """Put the description in, and the exporter's traces (paths, line numbers) out."""
    proto.metadata_props.clear()
    helper.set_model_props(proto, {METADATA_KEY: description.to_json()})
    proto.producer_name = "mobilehumanpose"
    for node in proto.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    for value in [*proto.graph.value_info, *proto.graph.input, *proto.graph.output]:
        del value.metadata_props[:]


def halve_weights(proto: onnx.ModelProto) -> None:
    """Store each large float32 initialiser as float16 behind a cast back to float32, in place."""
    casts = []
    for tensor in proto.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < MIN_HALF_ELEMENTS:
            continue
        if np.abs(values).max() > np.finfo(np.float16).max:
            continue
        half = values.astype(np.float16)
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(
            helper.make_node(
                "Cast", [f"{name}_half"], [name], name=f"{name}_cast", to=onnx.TensorProto.FLOAT
            )
        )
    for position, node in enumerate(casts):
        proto.graph.node.insert(position, node)
