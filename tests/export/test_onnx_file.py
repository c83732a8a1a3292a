"""The ONNX export: parity, what the file says of itself, and what is not written."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from mobilehumanpose.errors import UserError
from mobilehumanpose.export import onnx_file, parity
from mobilehumanpose.export.command import ExportOptions, export_model
from mobilehumanpose.models.checkpoint import CheckpointMetadata, save_checkpoint
from mobilehumanpose.models.head import soft_argmax
from mobilehumanpose.models.presets import build
from mobilehumanpose.runtime import PoseNetwork

ASTRONAUT = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def checkpoint(path: Path, preset: str, activation: str) -> tuple[Path, torch.nn.Module]:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = build(preset, num_joints=21, activation=activation)
    torch.nn.init.normal_(model.final_layer.weight, std=0.1)  # some shape for the heat-maps
    for module in model.modules():
        if isinstance(module, torch.nn.PReLU):  # as training may leave them
            torch.nn.init.uniform_(module.weight, -0.5, 1.3)
    # Statistics of real activations: fresh ones let signals grow through the depth.
    model.train()
    with torch.no_grad():
        for _ in range(10):
            model(torch.randn(4, 3, 64, 64))
    model.eval()
    metadata = CheckpointMetadata(
        preset=preset,
        activation=activation,
        joint_set="muco-21",
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
        licence="test",
        trained_on="noise",
    )
    save_checkpoint(path, model, metadata)
    return path, model


def convert(source: Path, out: Path, **options) -> str:
    return export_model(str(source), out, ExportOptions(**{"photos": [ASTRONAUT], **options}))


@pytest.mark.parametrize(
    ("preset", "activation"),
    [("lpski-lite0", "relu6"), ("lpski-xs", "prelu"), ("lpski-basic", "relu6")],
)
def test_the_file_answers_as_pytorch_does(tmp_path, preset, activation):
    source, model = checkpoint(tmp_path / "net.safetensors", preset, activation)
    out = tmp_path / "my-net.onnx"
    assert "my-net.onnx: written" in convert(source, out)
    network = PoseNetwork(out, num_threads=1)
    assert network.description.name == "my-net"
    assert network.description.preset == preset
    crops = np.random.default_rng(1).integers(0, 256, (3, 256, 256, 3), dtype=np.uint8)
    cells, scores = network(crops)
    with torch.no_grad():
        scaled = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() - 127) / 128
        expected_cells, expected_scores = soft_argmax(model(scaled), 21)
    assert np.abs(cells - expected_cells.numpy()).mean() < 0.01
    assert np.abs(scores - expected_scores.numpy()).mean() < 0.01
    assert expected_cells.std(dim=1).max() > 0.05  # the comparison says something

    proto = onnx.load(out)
    half = [t for t in proto.graph.initializer if t.data_type == onnx.TensorProto.FLOAT16]
    assert sum(numpy_helper.to_array(t).size for t in half) > 0.9 * sum(
        p.numel() for p in model.parameters()
    )
    text = out.read_bytes()
    for trace in (str(Path.home()).encode(), b"site-packages", b".py"):
        assert trace not in text


def test_a_graph_that_differs_is_not_written(tmp_path, monkeypatch):
    source, _ = checkpoint(tmp_path / "net.safetensors", "lpski-xs", "relu6")
    monkeypatch.setattr(parity, "WEIGHTED_FLOAT16_MM", -1.0)
    with pytest.raises(UserError, match=r"net\.onnx: not written"):
        convert(source, tmp_path / "net.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


def test_rounding_keeps_what_float16_cannot_hold():
    large = numpy_helper.from_array(np.full(300, 1e6, np.float32), "large")
    plain = numpy_helper.from_array(np.linspace(-1, 1, 300, dtype=np.float32), "plain")
    small = numpy_helper.from_array(np.ones(3, np.float32), "small")
    graph = onnx.helper.make_graph([], "g", [], [], [large, plain, small])
    proto = onnx.helper.make_model(graph)
    onnx_file.halve_weights(proto)
    kinds = {t.name: t.data_type for t in proto.graph.initializer}
    float32, float16 = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
    assert kinds == {"large": float32, "plain_half": float16, "small": float32}
    assert [node.output[0] for node in proto.graph.node] == ["plain"]


def test_a_snapshot_of_the_original_is_converted(tmp_path):
    original = build("lpski-xs", num_joints=18)
    state = {f"module.backbone.{key}": value for key, value in original.state_dict().items()}
    snapshot = tmp_path / "snapshot_3.pth.tar"
    torch.save({"epoch": 3, "network": state, "optimizer": {}}, snapshot)
    out = tmp_path / "net.safetensors"
    options = {"to": "safetensors", "preset": "lpski-xs", "joint_set": "human36m-18"}
    convert(snapshot, out, **options)
    assert out.exists()
    with pytest.raises(UserError, match="--preset"):
        convert(snapshot, out, to="safetensors")
    with pytest.raises(UserError, match="leave them out"):
        convert(out, tmp_path / "b.safetensors", **options)
    with pytest.raises(UserError, match=r"must end in \.onnx"):
        convert(out, tmp_path / "net.tflite")
