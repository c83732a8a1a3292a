"""Named networks, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from ..errors import UserError
from .basic import BasicConfig, BasicNet
from .blocks import Activation
from .init import initialise
from .lite import SLIM_STAGES, LiteConfig, LiteNet
from .lpnet import LpNet, LpNetConfig

NetworkConfig = LpNetConfig | LiteConfig | BasicConfig
Network = LpNet | LiteNet | BasicNet

#: The published networks with the 18 joints of Human3.6M, and those that this project adds.
PRESETS: dict[str, NetworkConfig] = {
    # The paper's large and small networks.
    "lpski-l": LpNetConfig(family="LPSKI"),
    "lpski-s": LpNetConfig(family="LPSKI", width=0.75, embedding=512),
    # The paper's XS (0.96 M) was never released; this is a network of its size and grid.
    "lpski-xs": LpNetConfig(family="LPSKI", width=0.5, embedding=128, grid=32),
    # The small network at the grid of half the side.
    "lpski-s-32": LpNetConfig(family="LPSKI", width=0.75, embedding=512, grid=32),
    # What the original's code builds by default since July 2021.
    "lpski-32": LpNetConfig(family="LPSKI", grid=32),
    # The original's branch "large".
    "lpski-large": LpNetConfig(family="LPSKI", strides=(1, (2, 2, 2, 2, 2, 1, 1))),
    "lpwo-l": LpNetConfig(family="LPWO"),
    "lpwo-s": LpNetConfig(family="LPWO", width=0.75, embedding=512),
    "lpres-l": LpNetConfig(family="LPRES"),
    "lpres-s": LpNetConfig(family="LPRES", width=0.75, embedding=512),
    "lpski-lite0": LiteConfig(num_joints=21),
    # A narrower form of it, which can begin with its weights.
    "lpski-lite0-half": LiteConfig(
        num_joints=21, stages=SLIM_STAGES, embedding=128, decoder_channels=96
    ),
    # As many multiplications as lpski-lite0, made for training from new weights.
    "lpski-basic": BasicConfig(num_joints=21),
    # A deeper form of it, which can begin with its weights.
    "lpski-basic-deep": BasicConfig(num_joints=21, stages=((32, 1), (64, 2), (128, 3), (192, 3))),
    # Narrower forms of it, likewise.
    "lpski-basic-half": BasicConfig(
        num_joints=21,
        stem_channels=16,
        stages=((32, 1), (48, 2), (96, 2), (112, 1)),
        decoder_channels=64,
    ),
    "lpski-basic-quarter": BasicConfig(
        num_joints=21,
        stem_channels=16,
        stages=((16, 1), (32, 2), (64, 2), (96, 1)),
        decoder_channels=48,
    ),
}


def preset_config(name: str) -> NetworkConfig:
    """The configuration of a preset.

    Raises:
        UserError: there is none of that name.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise UserError(f"unknown network {name!r}; known are {', '.join(PRESETS)}") from None


def build(
    preset: str, *, num_joints: int | None = None, activation: Activation | None = None
) -> Network:
    """A network with fresh weights, drawn from torch's random state.

    Args:
        preset: a key of ``PRESETS``.
        num_joints: J, the preset's own when None.
        activation: the preset's own when None; what this project adds has ReLU6 only.

    Raises:
        UserError: no such preset, or it cannot have that activation.
    """
    config = preset_config(preset)
    if num_joints is not None:
        config = replace(config, num_joints=num_joints)
    model: Network
    if isinstance(config, LpNetConfig):
        model = LpNet(config if activation is None else replace(config, activation=activation))
    elif activation not in (None, "relu6"):
        raise UserError(f"{preset} is made with relu6, not {activation!r}")
    else:
        model = LiteNet(config) if isinstance(config, LiteConfig) else BasicNet(config)
    initialise(model)
    return model


def grid_cells(config: NetworkConfig, input_px: int = 256) -> tuple[int, int, int]:
    """Cells of the heat-map along (x, y, z) for a square input."""
    if isinstance(config, LpNetConfig):
        side = input_px * config.grid // 256
        return side, side, config.depth_cells or config.grid
    return input_px // 8, input_px // 8, config.depth_cells


def count_parameters(model: nn.Module) -> int:
    """Trainable numbers; the running statistics of normalisation are not among them."""
    return sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def count_macs(model: nn.Module, input_px: int = 256) -> int:
    """Multiply-accumulates of all convolutions for one square picture.

    Biases, normalisation, activations and upsampling are left out, as the papers do. Those of the
    published networks are fewer than the paper's, since their last layer works before the last
    upsampling here.
    """
    total = 0

    def add(module: nn.Conv2d, _: object, output: torch.Tensor) -> None:
        nonlocal total
        # Shape of the weight: (out, in / groups, k, k); each output pixel costs in/groups · k².
        total += output[0].numel() * module.weight[0].numel()

    hooks = [m.register_forward_hook(add) for m in model.modules() if isinstance(m, nn.Conv2d)]
    was_training = model.training
    try:
        model.eval()(torch.zeros(1, 3, input_px, input_px, device=next(model.parameters()).device))
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return total
