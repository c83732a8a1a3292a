"""Exported weights that go back into a network which can be trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mobilehumanpose.errors import UserError
from mobilehumanpose.export.command import export_checked
from mobilehumanpose.export.crops import CropSet
from mobilehumanpose.export.source import Source
from mobilehumanpose.export.targets import find_target
from mobilehumanpose.models.checkpoint import CheckpointMetadata
from mobilehumanpose.models.onnx_weights import load_onnx_weights, read_onnx
from mobilehumanpose.models.presets import build, grid_cells

IMAGES = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def exported(preset: str, path: Path) -> nn.Module:
    """A network with running statistics of its own, and its ONNX file."""
    torch.manual_seed(0)
    model = build(preset, num_joints=21, activation="relu6").train()
    nn.init.normal_(model.final_layer.weight, std=0.03)
    with torch.no_grad():
        for seed in range(10):
            model(torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(seed)))
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 2)
            nn.init.uniform_(norm.bias, -0.5, 0.5)
    model.eval()
    metadata = CheckpointMetadata(
        preset=preset,
        activation="relu6",
        joint_set="muco-21",
        mean=(127.0,) * 3,
        std=(128.0,) * 3,
        licence="test",
        trained_on="noise",
    )
    source = Source(
        network=model, metadata=metadata, input_px=64, grid=grid_cells(model.config, 64)
    )
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    export_checked(
        source,
        path,
        find_target("onnx"),
        precision="float16",
        with_head=True,
        compared=CropSet(crops, "pictures"),
    )
    return model


@pytest.mark.parametrize("preset", ["lpski-lite0", "lpski-xs", "lpski-basic"])
def test_the_answers_are_kept_and_the_statistics_are_those_of_the_pictures(tmp_path, preset):
    path = tmp_path / "net.onnx"
    original = exported(preset, path)
    description, weights, _, _ = read_onnx(path)
    assert description.preset == preset
    torch.manual_seed(2)
    model = build(preset, num_joints=21, activation="relu6")
    lengths = {n: m.weight.flatten(1).norm(dim=1) for n, m in model.named_modules() if is_conv(m)}
    load_onnx_weights(model, weights, IMAGES, source=path)
    model.eval()
    with torch.no_grad():
        expected, found = original(IMAGES), model(IMAGES)
        # The file's weights are halves.
        assert (found - expected).abs().mean() < 0.01 * expected.abs().mean()
        model.train()
        on_the_batch = model(IMAGES)
    # Normalising by the batch itself gives the same again.
    assert (on_the_batch - found).abs().mean() < 0.01 * found.abs().mean()
    for name, layer in model.named_modules():
        if is_conv(layer) and name != "final_layer":
            np.testing.assert_allclose(
                layer.weight.detach().flatten(1).norm(dim=1), lengths[name].detach(), rtol=1e-3
            )


def is_conv(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "net.onnx"
    exported("lpski-lite0", path)
    weights = read_onnx(path).weights
    with pytest.raises(UserError, match=r"net.onnx: .* fits LpNet"):
        load_onnx_weights(build("lpski-xs", num_joints=21), weights, IMAGES, source=path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"absent.onnx: not a readable"):
        read_onnx(tmp_path / "absent.onnx")
    (tmp_path / "noise.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(UserError, match=r"noise.onnx: not "):
        read_onnx(tmp_path / "noise.onnx")
