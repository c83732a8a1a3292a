"""Rewritten graphs: the same numbers, in the operators that were meant."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime as ort
import onnxslim
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from mobilehumanpose.export.fast_graph import fast_graph
from mobilehumanpose.models.blocks import upsample
from mobilehumanpose.models.presets import build


def exported(network: nn.Module, images: torch.Tensor) -> onnx.ModelProto:
    torch.set_num_threads(1)
    program = torch.onnx.export(
        network.eval(),
        (images,),
        input_names=["images"],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},),
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    return onnxslim.slim(program.model_proto)


def run(proto: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    onnx.checker.check_model(proto, full_check=True)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})[0]


def operators(proto: onnx.ModelProto) -> Counter:
    return Counter(node.op_type for node in proto.graph.node)


def draw_trained_looking(network: nn.Module) -> None:
    """Slopes of both signs and above 1, and weights that let a signal through."""
    for module in network.modules():
        if isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.7, 1.5)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")


class Small(nn.Module):
    """A skip, an upsampled branch that two users need, and slopes with and without any above 1."""

    def __init__(self, slopes: tuple[float, float]) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.first = nn.PReLU(8)
        self.deep = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.second = nn.PReLU(12)
        self.join = nn.Conv2d(20, 5, 1)
        self.last = nn.Conv2d(5, 7, 1)
        self.shared = nn.Conv2d(7, 4, 1)
        for activation in (self.first, self.second):
            nn.init.uniform_(activation.weight, *slopes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        skip = self.first(self.down(images))
        deep = self.second(self.deep(skip))
        joined = self.join(torch.cat([skip, upsample(deep, skip.shape[-2:])], dim=1))
        grown = upsample(self.last(upsample(joined, (32, 32))), (64, 64))
        return torch.cat([grown, self.shared(grown)], dim=1)


@pytest.mark.parametrize("slopes", [(-2.0, 1.0), (-0.5, 3.0)])
def test_every_rewrite_keeps_the_numbers(slopes):
    torch.manual_seed(0)
    network = Small(slopes)
    images = torch.randn(2, 3, 32, 32)
    fast = fast_graph(exported(network, images))
    with torch.no_grad():
        expected = network(images).numpy()
    np.testing.assert_allclose(run(fast, images.numpy()), expected, atol=2e-5)
    assert expected.std() > 0.05
    counts = operators(fast)
    assert counts["PRelu"] == 0
    assert counts["Relu"] == 2
    assert counts["Resize"] == 3
    assert counts["Concat"] == 1  # of the outputs
    # Three of the network and one more for the split; each slope two, or one if none is above 1.
    assert counts["Conv"] == 6 + (2 if slopes[1] <= 1 else 4)
    makers = {node.output[0]: node.op_type for node in fast.graph.node}
    upsampled = [makers[n.input[0]] for n in fast.graph.node if n.op_type == "Resize"]
    # The last one has two users, and so stays where it is, behind the one before it.
    assert Counter(upsampled) == {"Conv": 2, "Resize": 1}
    assert all(len(n.input) == 3 for n in fast.graph.node if n.op_type == "Resize")


@pytest.mark.parametrize("preset", ["lpski-xs", "lpwo-s", "lpres-s"])
def test_published_networks_keep_their_numbers(preset):
    torch.manual_seed(0)
    network = build(preset, num_joints=2)
    draw_trained_looking(network)
    images = torch.randn(2, 3, 64, 64)
    network.train()
    with torch.no_grad():
        for _ in range(5):  # statistics, so that signals keep their size
            network(torch.randn(4, 3, 64, 64))
    plain = exported(network, images)
    before = operators(plain)
    fast = fast_graph(plain)
    with torch.no_grad():
        expected = network(images).numpy()
    found = run(fast, images.numpy())
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())
    after = operators(fast)
    assert before["PRelu"] == 41
    assert after["PRelu"] == 0
    assert after["Shape"] == 0  # every size became a constant factor


def test_what_fits_no_rewrite_stays():
    shared_slope = numpy_helper.from_array(np.full((1, 1, 1), 0.3, np.float32), "slope")
    nodes = [helper.make_node("PRelu", ["x", "slope"], ["y"])]
    float32 = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", float32, [1, 2, 4, 4])],
        [helper.make_tensor_value_info("y", float32, [1, 2, 4, 4])],
        [shared_slope],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    fast = fast_graph(proto)
    assert operators(fast) == {"PRelu": 1}
    x = np.random.default_rng(0).normal(size=(1, 2, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(run(fast, x), np.where(x > 0, x, 0.3 * x), rtol=1e-6)
