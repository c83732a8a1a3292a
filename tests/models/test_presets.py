"""What the presets are and cost: counts that the paper and the originals' code give."""

import json

import pytest
import torch

from mobilehumanpose.errors import UserError
from mobilehumanpose.models.facts import network_facts
from mobilehumanpose.models.presets import (
    PRESETS,
    build,
    count_macs,
    count_parameters,
    grid_cells,
)
from mobilehumanpose.weights.catalogue import NETWORKS_FILE

PARAMETERS = {
    "lpski-l": 4_073_248,
    "lpski-s": 2_242_000,
    "lpski-xs": 959_216,
    "lpski-32": 3_500_064,
    "lpski-large": 3_648_096,
    "lpwo-l": 4_034_336,
    "lpwo-s": 2_220_112,
    "lpres-l": 7_253_888,
}


@pytest.mark.parametrize("preset", PARAMETERS)
def test_parameters_with_18_joints(preset):
    assert count_parameters(build(preset)) == PARAMETERS[preset]


def published_macs(model):
    """Of the original's order: its last layer works on the whole grid, ours on a quarter of it."""
    columns, rows, _ = grid_cells(model.config)
    return count_macs(model) + model.final_layer.weight.numel() * columns * rows * 3 // 4


@pytest.mark.parametrize(
    ("preset", "num_joints", "parameters", "giga_macs"),
    [("lpski-l", 21, 4_122_592, 5.481), ("lpski-32", 21, 3_524_736, 0.501)],
)
def test_other_joint_counts(preset, num_joints, parameters, giga_macs):
    model = build(preset, num_joints=num_joints)
    assert count_parameters(model) == parameters
    assert published_macs(model) / 1e9 == pytest.approx(giga_macs, abs=5e-4)


@pytest.mark.parametrize(
    ("preset", "macs"),
    [("lpski-l", 5_279_440_896), ("lpwo-l", 5.271e9), ("lpres-l", 11.129e9), ("lpski-s", 3.755e9)],
)
def test_macs_at_256_px(preset, macs):
    assert published_macs(build(preset)) == pytest.approx(macs, rel=2e-4)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_shipped_facts_are_those_of_the_networks(preset):
    shipped = {entry["preset"]: entry for entry in json.loads(NETWORKS_FILE.read_text())}
    assert list(shipped) == list(PRESETS)
    assert shipped[preset] == network_facts(preset)


def test_lite0_is_small():
    assert 3.1e6 < count_parameters(build("lpski-lite0")) < 3.4e6


@torch.no_grad()
def test_grid_cells_are_what_comes_out():
    for preset in ("lpski-xs", "lpski-lite0", "lpski-basic"):
        model = build(preset, num_joints=3).eval()
        width, height, depth = grid_cells(model.config, 128)
        assert model(torch.zeros(1, 3, 128, 128)).shape == (1, 3 * depth, height, width)


@torch.no_grad()
def test_the_basic_network_takes_any_sides_of_32():
    model = build("lpski-basic", num_joints=3).eval()
    for height, width in ((64, 64), (96, 160)):
        heatmaps = model(torch.zeros(2, 3, height, width))
        assert heatmaps.shape == (2, 96, height // 8, width // 8)
    with pytest.raises(UserError, match="100×64"):
        model(torch.zeros(1, 3, 64, 100))


def test_counting_leaves_the_model_as_it_was():
    model = build("lpski-xs").train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    count_macs(model, 64)
    assert model.training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="lpski-lite0"):
        build("lpski-xxl")
    with pytest.raises(UserError, match="relu6"):
        build("lpski-lite0", activation="prelu")
