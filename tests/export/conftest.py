"""A network to export that is small, has every kind of layer, and says something."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mobilehumanpose.decode import Position
from mobilehumanpose.export.source import Source
from mobilehumanpose.models.blocks import (
    Activation,
    ConvBNAct,
    InvertedResidual,
    separable_decoder_stage,
    upsample,
)
from mobilehumanpose.models.checkpoint import CheckpointMetadata

INPUT_PX = 64
NUM_JOINTS, GRID = 21, 8


class TinyNet(nn.Module):
    """Strides, depth-wise filters, an identity, a skip, upsampling: as the presets, once each."""

    def __init__(self, activation: Activation) -> None:
        super().__init__()
        self.first_conv = ConvBNAct(3, 16, stride=2, activation=activation)
        self.down = nn.Sequential(
            InvertedResidual(16, 24, stride=2, expansion=2, activation=activation),
            InvertedResidual(24, 24, stride=1, expansion=2, activation=activation),
            InvertedResidual(24, 32, stride=2, expansion=2, activation=activation),
        )
        self.deeper = InvertedResidual(32, 40, stride=2, expansion=2, activation=activation)
        self.decoder = separable_decoder_stage(72, 32, activation=activation)
        self.final_layer = nn.Conv2d(32, NUM_JOINTS * GRID, 1)

    def forward(self, images: Tensor) -> Tensor:
        skip = self.down(self.first_conv(images))
        x = upsample(self.deeper(skip), skip.shape[-2:])
        return self.final_layer(self.decoder(torch.cat([skip, x], dim=1)))


def make_source(activation: Activation = "relu6", position: Position = "mean") -> Source:
    """For crops of 64 px, with running statistics of its own."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = TinyNet(activation).train()
    nn.init.normal_(model.final_layer.weight, std=0.5)
    with torch.no_grad():
        for _ in range(20):
            model(torch.randn(4, 3, INPUT_PX, INPUT_PX))
    metadata = CheckpointMetadata(
        preset="lpski-xs",  # no preset is so small
        activation=activation,
        joint_set="muco-21",
        mean=(120.0, 125.0, 130.0),
        std=(128.0, 127.0, 126.0),
        licence="test",
        trained_on="noise",
        position=position,
    )
    return Source(
        network=model.eval(), metadata=metadata, input_px=INPUT_PX, grid=(GRID, GRID, GRID)
    )


@pytest.fixture(scope="session")
def source() -> Source:
    """With peaks, as the models that ship."""
    return make_source(position="peak")


@pytest.fixture(scope="session")
def prelu_source() -> Source:
    return make_source("prelu")


@pytest.fixture(scope="session")
def crops() -> np.ndarray:
    """Smooth pictures, which are more like photographs than noise is."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (24, 8, 8, 3))
    return np.kron(coarse, np.ones((1, 8, 8, 1))).astype(np.uint8)
