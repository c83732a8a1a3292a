"""A network to export that is small, and whose heat-maps say something."""

import numpy as np
import pytest
import torch

from mobilehumanpose.export.source import Source
from mobilehumanpose.models.checkpoint import CheckpointMetadata
from mobilehumanpose.models.presets import build, grid_cells

INPUT_PX = 64


def make_source(activation: str = "relu6") -> Source:
    """``lpski-xs`` for crops of 64 px, with running statistics of its own."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = build("lpski-xs", num_joints=21, activation=activation)
    torch.nn.init.normal_(model.final_layer.weight, std=0.1)
    model.train()
    with torch.no_grad():
        for _ in range(10):
            model(torch.randn(4, 3, INPUT_PX, INPUT_PX))
    metadata = CheckpointMetadata(
        preset="lpski-xs",
        activation=activation,
        joint_set="muco-21",
        mean=(120.0, 125.0, 130.0),
        std=(128.0, 127.0, 126.0),
        licence="test",
        trained_on="noise",
    )
    return Source(
        network=model.eval(),
        metadata=metadata,
        input_px=INPUT_PX,
        grid=grid_cells(model.config, INPUT_PX),
    )


@pytest.fixture(scope="session")
def source() -> Source:
    return make_source()


@pytest.fixture(scope="session")
def crops() -> np.ndarray:
    """Smooth pictures, which are more like photographs than noise is."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (24, 8, 8, 3))
    return np.kron(coarse, np.ones((1, 8, 8, 1))).astype(np.uint8)
