"""What is rewritten before a graph is quantised: the same numbers, but for the picture's edge."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from mobilehumanpose.export.int8_graph import int8_graph
from mobilehumanpose.export.onnx_file import float_graph
from mobilehumanpose.models.blocks import upsample

SIDE = 32


class Heatmaps(nn.Module):
    """A strided layer whose edge is padded, and heat-maps that are upsampled last."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.final_layer = nn.Conv2d(8, 5, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.first(images).clamp(0, 6)
        return upsample(self.final_layer(x), (SIDE, SIDE))


class Scaled(nn.Module):
    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.network = Heatmaps()
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        image = (image.permute(0, 3, 1, 2).float() - self.mean) / self.std
        return self.network(image)


@pytest.mark.parametrize(
    ("mean", "std", "is_exact"),
    [
        ((127.0, 127.0, 127.0), (128.0, 128.0, 128.0), True),
        ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4), False),
        # The published networks' scaling is meant for pixels of 0…1, and gets 0…255.
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), False),
    ],
)
def test_the_rewritten_graph_keeps_the_numbers(mean, std, is_exact):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    module = Scaled(mean, std).eval()
    with torch.no_grad():  # the range of a trained first layer's outputs
        module.network.first.weight *= 1.0 if mean[0] > 1 else 1 / 255
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = module(torch.from_numpy(pixels)).numpy()
    proto = int8_graph(float_graph(module, SIDE, ["heatmaps"]))
    onnx.checker.check_model(proto, full_check=True)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": pixels})

    # The padded row and column of the first layer reach into three cells of what is upsampled.
    inside = (..., slice(3, None), slice(3, None))
    np.testing.assert_allclose(found[inside], expected[inside], atol=2e-5)
    np.testing.assert_allclose(found, expected, atol=2e-5 if is_exact else 0.1)
    assert expected.std() > 0.1

    operators = {node.op_type for node in proto.graph.node}
    assert "MatMul" in operators
    assert not {"Resize", "Shape"} & operators
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer}
    for op_type in ("Sub", "Div"):  # by one number for all channels
        (node,) = [node for node in proto.graph.node if node.op_type == op_type]
        assert len(np.unique(constants[node.input[1]])) == 1
