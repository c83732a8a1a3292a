"""The published networks: parity with the originals' numbers, and every variant runs."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mobilehumanpose.errors import UserError
from mobilehumanpose.models.head import soft_argmax
from mobilehumanpose.models.init import initialise
from mobilehumanpose.models.lpnet import LpNet, LpNetConfig
from mobilehumanpose.models.presets import PRESETS

#: Our presets by the names of the reference file.
REFERENCE_NAMES = {
    "lpski_l": "lpski-l",
    "lpski_s": "lpski-s",
    "lpski_branch_large": "lpski-large",
    "lpski_32": "lpski-32",
    "lpski_32_w050_e128": "lpski-xs",
    "lpwo_l": "lpwo-l",
    "lpres_l": "lpres-l",
}


def reference_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights that the reference outputs were computed with: sines, scaled by their role."""
    state = {}
    for i, (key, tensor) in enumerate(model.state_dict().items()):
        if not tensor.dtype.is_floating_point:
            state[key] = torch.zeros_like(tensor)
            continue
        wave = np.sin(0.7 * np.arange(tensor.numel(), dtype=np.float64) + 0.3 * i)
        if "running_var" in key:
            values = 1 + 0.5 * wave
        elif tensor.ndim == 4:
            values = wave * np.sqrt(2 / np.prod(tensor.shape[1:]))
        elif "running_mean" in key or key.endswith("bias"):
            values = 0.1 * wave
        else:
            values = 0.5 + 0.25 * wave
        state[key] = torch.from_numpy(values.astype(np.float32)).reshape(tensor.shape)
    return state


@pytest.mark.parametrize("name", REFERENCE_NAMES)
@torch.no_grad()
def test_parity_with_the_original(shared_dir, name):
    reference = json.loads((shared_dir / "reference" / "networks.json").read_text())[name]
    config = PRESETS[REFERENCE_NAMES[name]]
    model = LpNet(config).eval()
    assert sum(p.numel() for p in model.parameters()) == reference["num_params"]
    expected = reference["state_dict"]
    expected = list(expected.items()) if isinstance(expected, dict) else expected
    found = [[key, list(value.shape)] for key, value in model.state_dict().items()]
    assert found == [[key, list(shape)] for key, shape in expected]

    model.load_state_dict(reference_state(model))
    pixels = np.sin(0.01 * np.arange(3 * 256 * 256)).astype(np.float32)
    heatmaps = model(torch.from_numpy(pixels).reshape(1, 3, 256, 256))
    depth, height, width = reference["grid"]
    assert heatmaps.shape == (1, 18 * depth, height, width)
    assert heatmaps.mean().item() == pytest.approx(reference["heatmap_mean"], abs=1e-5)
    assert heatmaps.std().item() == pytest.approx(reference["heatmap_std"], abs=1e-4)
    for place, value in reference["heatmap_samples"].items():
        channel, y, x = map(int, place.split(","))
        assert heatmaps[0, channel, y, x].item() == pytest.approx(value, abs=1e-3)
    cells, _ = soft_argmax(heatmaps, 18)
    np.testing.assert_allclose(cells[0, :3], reference["coords_first3"], atol=1e-2)
    np.testing.assert_allclose(cells[0, -1], reference["coords_last"], atol=1e-2)


# LPRES above all: the original's could be built at one width and one embedding only.
@pytest.mark.parametrize("family", ["LPSKI", "LPWO", "LPRES"])
@pytest.mark.parametrize("grid", [32, 64])
@pytest.mark.parametrize(("width", "embedding"), [(0.5, 128), (0.75, 512), (1.0, 96)])
@pytest.mark.parametrize("activation", ["prelu", "relu6"])
def test_every_variant_runs_and_learns(family, grid, width, embedding, activation):
    config = LpNetConfig(
        family=family,
        num_joints=5,
        grid=grid,
        depth_cells=8,
        width=width,
        embedding=embedding,
        activation=activation,
    )
    model = LpNet(config)
    torch.manual_seed(0)
    initialise(model)
    heatmaps = model(torch.randn(2, 3, 64, 96))
    reduction = 256 // grid
    assert heatmaps.shape == (2, 5 * 8, 64 // reduction, 96 // reduction)
    heatmaps.square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("preset", ["lpski-xs", "lpres-s"])
@pytest.mark.parametrize("input_px", [32, 160, 224])
@torch.no_grad()
def test_any_multiple_of_32_will_do(preset, input_px):
    config = PRESETS[preset]
    model = LpNet(replace(config, num_joints=2, width=0.25)).eval()
    side = input_px * config.grid // 256
    assert model(torch.zeros(1, 3, input_px, input_px)).shape[-2:] == (side, side)


def test_impossible_sizes_are_named():
    model = LpNet(LpNetConfig(family="LPWO", grid=32, width=0.25, embedding=16))
    with pytest.raises(UserError, match="100×64"):
        model(torch.zeros(1, 3, 64, 100))
    with pytest.raises(UserError, match="grid 48"):
        LpNetConfig(family="LPSKI", grid=48)
    with pytest.raises(UserError, match="width"):
        LpNetConfig(family="LPSKI", width=0)
