"""A narrower network out of a wider one's weights."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import nn

from mobilehumanpose.errors import UserError
from mobilehumanpose.models.basic import BasicConfig, BasicNet
from mobilehumanpose.models.blocks import fold_norms
from mobilehumanpose.models.init import initialise
from mobilehumanpose.models.lite import LITE0_STAGES, LiteConfig, LiteNet
from mobilehumanpose.models.presets import Network
from mobilehumanpose.models.slim import slim_weights
from mobilehumanpose.models.slim_fits import fit_convolution
from mobilehumanpose.models.slim_lite import block_pairs

WIDE = LiteConfig(
    num_joints=2,
    depth_cells=8,
    embedding=16,
    decoder_channels=24,
    stages=(
        (1, 8, 1, 1, 3),
        (4, 8, 2, 2, 3),
        (4, 16, 2, 2, 5),
        (4, 16, 1, 2, 3),
        (4, 24, 2, 1, 5),
        (4, 32, 3, 2, 5),
        (4, 40, 1, 1, 3),
    ),
)
BASIC = BasicConfig(
    num_joints=2,
    depth_cells=8,
    stem_channels=8,
    stages=((8, 1), (16, 2), (24, 1), (32, 1)),
    decoder_channels=16,
)
HALF_BASIC = replace(
    BASIC, stem_channels=4, stages=((4, 1), (8, 2), (12, 1), (16, 1)), decoder_channels=8
)


def pictures(*, seed: int, count: int) -> torch.Tensor:
    """Noise that is smooth enough for deep layers to see something of it."""
    noise = torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(noise, size=(64, 64), mode="bicubic")


def network(config: LiteConfig | BasicConfig) -> Network:
    torch.manual_seed(0)
    model = LiteNet(config) if isinstance(config, LiteConfig) else BasicNet(config)
    initialise(model)
    return model


@torch.no_grad()
def explained(wide: Network, config: LiteConfig | BasicConfig) -> float:
    """How much of a folded network's answers to new pictures a narrower one gives, untrained."""
    narrow = network(config)
    weights = slim_weights(wide, narrow, pictures(seed=1, count=32), source=Path("wide.onnx"))
    model = fold_norms(narrow)
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.copy_(weights[f"{name}.weight"])
            layer.bias.copy_(weights[f"{name}.bias"])
    new = pictures(seed=2, count=8)
    wanted = wide(new)
    return 1 - float((model(new) - wanted).var() / wanted.var())


@torch.no_grad()
def test_channels_that_do_nothing_are_the_ones_that_go():
    model = network(WIDE)
    for block in model.inv_residual[1:]:
        block.conv[2].weight[:, ::2] = 0  # half of what is inside a block leaves no trace
    for stage, after, skip in (
        (model.deconv0, model.deconv1[0][0], 24),
        (model.deconv1, model.deconv2[0][0], 16),
        (model.deconv2, model.final_layer, 0),
    ):
        stage[2][0].weight[:, 1::2] = 0
        after.weight[:, skip::2] = 0
    model.deconv0[0][0].weight[:, 32:] = 0  # nor does the embedding
    config = replace(
        WIDE,
        embedding=8,
        decoder_channels=12,
        stages=tuple((min(e, 2), c, n, s, k) for e, c, n, s, k in WIDE.stages[:-1]),
    )
    assert explained(cast(LiteNet, fold_norms(model)), config) > 0.99


def test_what_goes_is_made_up_for():
    """Narrowed by half, it still gives most of the answer; with as many channels, nearly all."""
    wide = cast(LiteNet, fold_norms(network(WIDE)))
    assert explained(wide, WIDE) > 0.95
    half = tuple((min(e, 2), c, n, s, k) for e, c, n, s, k in WIDE.stages)
    assert explained(wide, replace(WIDE, stages=half)) > 0.6


def test_a_basic_network_is_narrowed_in_every_layer():
    wide = cast(BasicNet, fold_norms(network(BASIC)))
    assert explained(wide, BASIC) > 0.95
    assert explained(wide, HALF_BASIC) > 0.6


@torch.no_grad()
def test_a_basic_network_loses_the_channels_that_nothing_reads():
    """All odd channels of all layers are without effect: without them the answers are the same."""
    model = network(BASIC)
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d) and name != "stem.0":
            layer.weight[:, 1::2] = 0
    assert explained(cast(BasicNet, fold_norms(model)), HALF_BASIC) > 0.97


@torch.no_grad()
def test_a_convolution_is_found_again_from_what_it_does():
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 5, 3, stride=2, padding=1)
    inputs = torch.randn(16, 3, 16, 16)
    weight, bias = fit_convolution(inputs, layer(inputs), kernel=3, stride=2)
    torch.testing.assert_close(weight, layer.weight.data, atol=2e-3, rtol=0.0)
    torch.testing.assert_close(bias, layer.bias.data, atol=2e-3, rtol=0.0)


def test_a_stage_keeps_its_first_and_its_last_block():
    narrow = replace(WIDE, stages=(*WIDE.stages[:5], (2, 32, 2, 2, 5)))
    assert block_pairs(WIDE, narrow) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert block_pairs(LiteConfig(), LiteConfig()) == list(range(16))


@pytest.mark.parametrize(
    "other",
    [
        replace(WIDE, num_joints=3),
        replace(WIDE, decoder_channels=32),
        replace(WIDE, stages=LITE0_STAGES),
        replace(WIDE, stages=((1, 8, 2, 1, 3), *WIDE.stages[1:])),
        replace(WIDE, stages=(*WIDE.stages[:5], (4, 32, 1, 2, 5))),
    ],
)
def test_what_is_no_narrower_form_is_refused(other):
    wide = cast(LiteNet, fold_norms(network(WIDE)))
    with pytest.raises(UserError, match=r"wide\.onnx: its network is no wider form"):
        slim_weights(wide, network(other), pictures(seed=1, count=1), source=Path("wide.onnx"))


@pytest.mark.parametrize(
    "other",
    [
        replace(BASIC, num_joints=3),
        replace(BASIC, decoder_channels=32),
        replace(BASIC, stem_channels=16),
        replace(BASIC, stages=((8, 1), (16, 1), (24, 1), (32, 1))),
        WIDE,
    ],
)
def test_what_is_no_narrower_form_of_a_basic_network_is_refused(other):
    wide = cast(BasicNet, fold_norms(network(BASIC)))
    with pytest.raises(UserError, match=r"wide\.onnx: its network is no wider form"):
        slim_weights(wide, network(other), pictures(seed=1, count=1), source=Path("wide.onnx"))
