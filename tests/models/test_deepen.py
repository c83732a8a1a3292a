"""A deeper network out of a shallower one's weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mobilehumanpose.models.basic import BasicConfig, BasicNet
from mobilehumanpose.models.blocks import fold_norms
from mobilehumanpose.models.deepen import deepened_weights, is_deeper, silently_deepened
from mobilehumanpose.models.init import initialise
from mobilehumanpose.models.onnx_weights import load_onnx_weights
from mobilehumanpose.models.presets import PRESETS

SHALLOW = BasicConfig(
    num_joints=2,
    depth_cells=8,
    stem_channels=8,
    stages=((8, 1), (16, 2), (24, 1), (32, 1)),
    decoder_channels=16,
)
DEEP = replace(SHALLOW, stages=((8, 1), (16, 2), (24, 2), (32, 3)))


def network(config: BasicConfig, seed: int) -> BasicNet:
    torch.manual_seed(seed)
    model = BasicNet(config)
    initialise(model)
    return model


@torch.no_grad()
def grown() -> tuple[nn.Module, BasicNet]:
    """A network with weights to speak of, folded, and a deeper one that begins with them."""
    shallow = network(SHALLOW, 0)
    for name, values in shallow.named_parameters():
        if name.endswith(("1.weight", "1.bias")) or name == "final_layer.weight":
            values.copy_(torch.rand(values.shape) - 0.3)
    folded = fold_norms(shallow.eval())
    weights = {
        f"{name}.{kind}": values
        for name, layer in folded.named_modules()
        if isinstance(layer, nn.Conv2d)
        for kind, values in layer.named_parameters()
    }
    deep = network(DEEP, 1)
    images = torch.randn(4, 3, 64, 64)
    load_onnx_weights(deep, deepened_weights(weights, deep), images, source=Path("shallow.onnx"))
    return folded, deep


@torch.no_grad()
def test_it_answers_as_the_shallow_one() -> None:
    folded, deep = grown()
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    wanted = folded(images)
    assert float((deep.eval()(images) - wanted).std()) < 0.01 * float(wanted.std())


@torch.no_grad()
def test_silent_blocks_change_no_answer_and_begin_as_the_deeper_network_s() -> None:
    folded, deep = grown()
    loud = fold_norms(deep.eval())
    state = silently_deepened(folded.state_dict(), loud.state_dict())
    silent = fold_norms(deep.eval())
    silent.load_state_dict(state)
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(silent(images), folded(images))
    assert not state["stages.3.2.second.0.weight"].any()
    first = "stages.3.2.first.0.weight"
    torch.testing.assert_close(state[first], loud.state_dict()[first])


def test_new_blocks_learn_from_the_first_step() -> None:
    _, deep = grown()
    deep.train()(torch.randn(4, 3, 64, 64)).square().mean().backward()
    for block in (deep.stages[2][2], deep.stages[3][2], deep.stages[3][3]):
        for name, values in block.named_parameters():
            assert values.grad is not None
            assert float(values.grad.abs().max()) > 0, name


@pytest.mark.parametrize(
    ("shallow", "deep", "is_it"),
    [
        ("lpski-basic", "lpski-basic-deep", True),
        ("lpski-basic-deep", "lpski-basic", False),
        ("lpski-basic", "lpski-basic", False),
        ("lpski-basic-half", "lpski-basic-deep", False),
        ("lpski-lite0", "lpski-basic-deep", False),
    ],
)
def test_which_networks_are_deeper(shallow: str, deep: str, is_it: bool) -> None:
    assert is_deeper(PRESETS[shallow], PRESETS[deep]) == is_it
