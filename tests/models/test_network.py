"""A network from its ``.safetensors`` against the ONNX model that is exported from it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mobilehumanpose.errors import UserError
from mobilehumanpose.export.command import ExportOptions, export_model
from mobilehumanpose.models.checkpoint import CheckpointMetadata, save_checkpoint
from mobilehumanpose.models.network import TorchNetwork
from mobilehumanpose.models.presets import PRESETS, LpNetConfig, build
from mobilehumanpose.runtime import PoseNetwork


@pytest.fixture
def checkpoint(tmp_path, monkeypatch) -> Path:
    tiny = LpNetConfig(family="LPSKI", width=0.1, embedding=16, grid=32, depth_cells=8)
    monkeypatch.setitem(PRESETS, "tiny", tiny)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = build("tiny", num_joints=18)
    torch.nn.init.normal_(model.final_layer.weight, std=0.3)  # some shape for the heat-maps
    metadata = CheckpointMetadata(
        preset="tiny",
        activation="prelu",
        joint_set="human36m-18",
        mean=(120.0, 125.0, 130.0),
        std=(60.0, 61.0, 62.0),
        licence="none",
        trained_on="nothing",
    )
    path = tmp_path / "snapshot_3.safetensors"
    save_checkpoint(path, model.eval(), metadata)
    return path


def test_it_answers_as_the_exported_model(checkpoint):
    onnx_path = checkpoint.with_name("snapshot_3.onnx")
    export_model(str(checkpoint), onnx_path, ExportOptions())
    exported, network = PoseNetwork(onnx_path, num_threads=1), TorchNetwork(checkpoint)
    assert network.description == exported.description
    assert network.skeleton is exported.skeleton
    # More crops than go through at once.
    crops = np.random.default_rng(0).integers(0, 256, (11, 256, 256, 3), np.uint8)
    for ours, theirs, tolerance in zip(network(crops), exported(crops), (0.1, 0.02), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, atol=tolerance)
    assert network(crops)[0].std() > 0.1  # cells that differ, so that something was compared


def test_smaller_crops_have_a_smaller_grid(checkpoint):
    network = TorchNetwork(checkpoint, input_px=128)
    assert network.description.grid == (16, 16, 8)
    cells, scores = network(np.zeros((2, 128, 128, 3), np.uint8))
    assert cells.shape == (2, 18, 3)
    assert scores.shape == (2, 18)
    assert cells[..., :2].max() <= 15


def test_a_file_that_is_none_is_named(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(UserError, match="x.safetensors: no such file"):
        TorchNetwork(path)
