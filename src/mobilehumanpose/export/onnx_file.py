"""A trained network as one ONNX file: pixels in, grid cells and scores out, description inside.

The graph takes crops as cameras give them, (N, P, P, 3) uint8 RGB, and scales them itself, so
that nobody can get it wrong. Weights are stored as float16 behind a cast to float32, which ONNX
Runtime folds when it loads the file: half the size, and arithmetic in float32 throughout.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import onnxslim
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from ..errors import UserError
from ..media import write_file
from ..models.head import ExportHead, soft_argmax
from ..runtime import METADATA_KEY, ModelDescription
from .fast_graph import fast_graph

OPSET = 20
#: Weights of fewer elements (biases, norms) stay as they are: they weigh nothing.
MIN_HALF_ELEMENTS = 256
#: Parity with PyTorch in float32 that the graph must show before its weights are rounded, and the
#: mean that rounding them may cost, in cells. One cell is 8 px of a 256 px crop and 62.5 mm deep.
MAX_GRAPH_ERROR_CELLS = 1e-3
MAX_ROUNDING_CELLS = 0.01


class PixelsToJoints(nn.Module):
    """Scaling, network and head in one graph."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        num_joints: int,
        grid: tuple[int, int, int],
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
    ) -> None:
        super().__init__()
        width, height, depth = grid
        self.network = network
        self.head = ExportHead(num_joints, depth, height, width)
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, 3, 1, 1))

    def scaled(self, image: Tensor) -> Tensor:
        """(N, P, P, 3) uint8 RGB → (N, 3, P, P) as the network was trained on."""
        return (image.permute(0, 3, 1, 2).float() - self.mean) / self.std

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(N, P, P, 3) uint8 RGB → (N, J, 3) cells and (N, J) scores."""
        return self.head(self.network(self.scaled(image)))


def export_onnx(
    network: nn.Module,
    description: ModelDescription,
    path: Path,
    *,
    num_joints: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    check_crops: np.ndarray,
) -> float:
    """Write the ONNX file, once it has shown the numbers of the PyTorch network.

    Args:
        network: (N, 3, P, P) → (N, J·D, H, W) heat-maps.
        description: goes into the file.
        path: of the file.
        num_joints: J.
        mean: subtracted from the 0–255 pixels of each channel.
        std: by which they are then divided.
        check_crops: (N, P, P, 3) uint8 pictures to compare on; real ones tell the most.

    Returns:
        The mean difference in cells between the file and PyTorch, which is the rounding's.

    Raises:
        UserError: a difference is too large; no file is written.
    """
    model = PixelsToJoints(
        network, num_joints=num_joints, grid=description.grid, mean=mean, std=std
    ).eval()
    crops = torch.from_numpy(check_crops)
    proto = float_graph(model, crops.shape[1], ("cells", "scores"))
    with torch.no_grad():
        expected = soft_argmax(network(model.scaled(crops)), num_joints)[0].numpy()
    graph_error = np.abs(_run(proto, check_crops) - expected).max()
    if not graph_error <= MAX_GRAPH_ERROR_CELLS:
        raise UserError(
            f"{path}: not written: the exported graph differs from PyTorch by {graph_error:.4f} "
            f"cells; at most {MAX_GRAPH_ERROR_CELLS} is right"
        )
    halve_weights(proto)
    rounding = float(np.abs(_run(proto, check_crops) - expected).mean())
    if not rounding <= MAX_ROUNDING_CELLS:
        raise UserError(
            f"{path}: not written: float16 weights move joints by {rounding:.4f} cells on average; "
            f"at most {MAX_ROUNDING_CELLS} is right"
        )
    describe_proto(proto, description)
    onnx.checker.check_model(proto)
    write_file(path, proto.SerializeToString())
    return rounding


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


def _run(proto: onnx.ModelProto, crops: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["cells"], {"image": crops})[0]


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
