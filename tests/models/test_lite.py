"""The EfficientNet-Lite0 preset: its pretrained encoder and what freezing keeps."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mobilehumanpose.errors import UserError
from mobilehumanpose.media import load_photo
from mobilehumanpose.models.lite import LiteConfig, LiteNet, freeze_encoder, load_imagenet_encoder
from mobilehumanpose.models.presets import build

ASTRONAUT = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def pretrained() -> LiteNet:
    torch.manual_seed(0)
    model = build("lpski-lite0", num_joints=2)
    assert isinstance(model, LiteNet)
    load_imagenet_encoder(model)
    return model


def test_every_encoder_weight_is_replaced(pretrained):
    torch.manual_seed(0)
    fresh = build("lpski-lite0", num_joints=2).state_dict()
    for key, value in pretrained.state_dict().items():
        is_encoder = key.startswith(("first_conv", "inv_residual"))
        if value.ndim and "num_batches" not in key:
            assert torch.equal(value, fresh[key]) != is_encoder, key


def test_a_narrower_encoder_has_no_imagenet_weights():
    with pytest.raises(UserError, match="those of lpski-lite0"):
        load_imagenet_encoder(build("lpski-lite0-half"))


@torch.no_grad()
def test_the_encoder_knows_pictures(pretrained):
    """Its normalisation was trained for these activations: they come out near unit variance."""
    photo = torch.from_numpy(load_photo(ASTRONAUT)).permute(2, 0, 1)[None].float()
    x = pretrained.eval().first_conv((photo[..., ::2, ::2] - 127) / 128)
    for block in pretrained.inv_residual:
        seen: list[torch.Tensor] = []
        hook = block.last_norm.register_forward_pre_hook(
            lambda _, args, seen=seen: seen.append(args[0])
        )
        x = block(x)
        hook.remove()
        kept = block.last_norm.running_var
        ratio = (seen[0].var(dim=(0, 2, 3)).mean() / kept.mean()).item()
        assert 0.2 < ratio < 5


def test_heat_maps_at_every_size():
    model = LiteNet(LiteConfig(num_joints=3, depth_cells=16)).eval()
    with torch.no_grad():
        for height, width in ((64, 64), (96, 160), (256, 256)):
            heatmaps = model(torch.zeros(1, 3, height, width))
            assert heatmaps.shape == (1, 48, height // 8, width // 8)
    with pytest.raises(UserError, match="100×64"):
        model(torch.zeros(1, 3, 64, 100))


def test_frozen_blocks_do_not_change(pretrained):
    model = pretrained.train()
    freeze_encoder(model, 3)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model(torch.randn(2, 3, 64, 64)).square().mean().backward()
    optimizer.step()
    frozen = ("first_conv.", "inv_residual.0.", "inv_residual.1.", "inv_residual.2.")
    for key, value in model.state_dict().items():
        if key.startswith(frozen):
            assert torch.equal(value, before[key]), key
    assert not torch.equal(model.final_layer.weight, before["final_layer.weight"])
    assert not torch.equal(
        model.get_buffer("inv_residual.3.conv.1.1.running_mean"),
        before["inv_residual.3.conv.1.1.running_mean"],
    )
    for block in model.inv_residual:
        assert isinstance(block.last_norm, nn.BatchNorm2d)


def test_freezing_again_can_thaw():
    model = LiteNet(LiteConfig(num_joints=2))
    freeze_encoder(model, 5)
    model.train()
    freeze_encoder(model, 0)
    assert all(p.requires_grad for p in model.inv_residual.parameters())


def test_frozen_layers_compute_what_they_did(pretrained):
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    keys = list(pretrained.state_dict())
    pretrained.eval()
    with torch.no_grad():
        expected = pretrained(images)
        freeze_encoder(pretrained, 5)
        assert len(pretrained.folded_layers) == 6  # the stem too
        np.testing.assert_allclose(pretrained(images), expected, atol=1e-5)
    assert list(pretrained.state_dict()) == keys
    freeze_encoder(pretrained, 0)
    assert not pretrained.folded_layers
