"""Starting weights: signals keep their size, and every joint starts in the middle."""

import numpy as np
import pytest
import torch

from mobilehumanpose.models.blocks import BasicBlock, InvertedResidual
from mobilehumanpose.models.head import soft_argmax
from mobilehumanpose.models.init import initialise
from mobilehumanpose.models.presets import PRESETS, build


@pytest.mark.parametrize("preset", ["lpski-xs", "lpwo-s", "lpres-s", "lpski-lite0", "lpski-basic"])
def test_fresh_networks_answer_with_the_middle_of_the_grid(preset):
    torch.manual_seed(0)
    model = build(preset, num_joints=4)
    heatmaps = model.train()(torch.randn(2, 3, 64, 64))
    cells, _ = soft_argmax(heatmaps, 4)
    depth, height, width = heatmaps.shape[1] // 4, *heatmaps.shape[2:]
    middle = (np.array([width, height, depth]) - 1) / 2
    np.testing.assert_allclose(cells.detach(), np.broadcast_to(middle, (2, 4, 3)), atol=0.3)


@pytest.mark.parametrize(
    "block",
    [InvertedResidual(16, 16, stride=1, expansion=6, activation="prelu"), BasicBlock(16)],
    ids=["inverted residual", "basic"],
)
def test_blocks_with_an_identity_start_as_the_identity(block):
    torch.manual_seed(0)
    x = torch.rand(2, 16, 8, 8)  # where a rectifier leaves everything as it is
    assert not torch.equal(block(x), x)
    initialise(block)
    assert torch.equal(block(x), x)


def test_signals_keep_their_size_through_the_decoder():
    torch.manual_seed(0)
    model = build("lpski-xs").train()
    sizes = []
    for name in ("deconv0", "deconv1", "deconv2"):
        model.get_submodule(name).register_forward_hook(
            lambda _module, _args, out: sizes.append(out.std().item())
        )
    model(torch.randn(4, 3, 128, 128))
    assert all(0.3 < size < 3 for size in sizes)


def test_the_same_seed_draws_the_same_weights():
    for preset in PRESETS:
        if preset.endswith(("xs", "lite0", "basic")):
            torch.manual_seed(3)
            first = build(preset).state_dict()
            torch.manual_seed(3)
            second = build(preset).state_dict()
            assert all(torch.equal(first[key], second[key]) for key in first)
