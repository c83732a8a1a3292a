"""Building blocks shared by every network: convolution units, inverted residuals, decoder stages.

The order of the layers inside each block, and so the keys of the state dict, are those of the
original MobileHumanPose networks: its checkpoints load without renaming.
"""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..errors import UserError

Activation = Literal["prelu", "relu6"]


def round_channels(channels: float, divisor: int = 8) -> int:
    """Round a scaled channel count to a multiple of ``divisor``, never below 90 % of it.

    The rule of the MobileNet papers (Sandler et al., CVPR 2018): hardware likes multiples of 8.
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def make_activation(activation: Activation, channels: int) -> nn.Module:
    """One slope per channel (PReLU, as published) or ReLU6, which every runtime runs fast."""
    if activation == "prelu":
        return nn.PReLU(channels)
    return nn.ReLU6()


class ConvBNAct(nn.Sequential):
    """Convolution without bias, batch normalisation, activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        activation: Activation,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        padding = (kernel - 1) // 2
        super().__init__(
            nn.Conv2d(
                in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False
            ),
            nn.BatchNorm2d(out_channels),
            make_activation(activation, out_channels),
        )


class InvertedResidual(nn.Module):
    """Expand, filter depth-wise, project linearly; add the input where the shapes allow it."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int,
        expansion: int,
        activation: Activation,
        kernel: int = 3,
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(ConvBNAct(in_channels, hidden, kernel=1, activation=activation))
        layers += [
            ConvBNAct(
                hidden, hidden, kernel=kernel, stride=stride, groups=hidden, activation=activation
            ),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        ]
        self.conv = nn.Sequential(*layers)
        self.has_identity = stride == 1 and in_channels == out_channels

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The normalisation behind the linear projection."""
        return cast(nn.BatchNorm2d, self.conv[-1])

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) → (N, out, H/stride, W/stride)."""
        return x + self.conv(x) if self.has_identity else self.conv(x)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and the input added to them (He et al., CVPR 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBNAct(channels, channels, activation="relu6")
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        self.activation = nn.ReLU6()

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The normalisation behind the second convolution."""
        return cast(nn.BatchNorm2d, self.second[-1])

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape."""
        return self.activation(x + self.second(self.first(x)))


def decoder_stage(
    in_channels: int, mid_channels: int, out_channels: int, *, activation: Activation
) -> nn.Sequential:
    """The published decoder stage: 1×1 then dense 3×3, both with bias, each BN + activation."""
    return nn.Sequential(
        nn.Conv2d(in_channels, mid_channels, 1),
        nn.BatchNorm2d(mid_channels),
        make_activation(activation, mid_channels),
        nn.Conv2d(mid_channels, out_channels, 3, padding=1),
        nn.BatchNorm2d(out_channels),
        make_activation(activation, out_channels),
    )


def separable_decoder_stage(
    in_channels: int, out_channels: int, *, activation: Activation
) -> nn.Sequential:
    """A cheap decoder stage: 1×1, depth-wise 3×3, 1×1; about a ninth of the dense one's work."""
    return nn.Sequential(
        ConvBNAct(in_channels, out_channels, kernel=1, activation=activation),
        ConvBNAct(out_channels, out_channels, groups=out_channels, activation=activation),
        ConvBNAct(out_channels, out_channels, kernel=1, activation=activation),
    )


def upsample(x: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Bilinear upsampling of (N, C, h, w) to ``size`` = (H, W).

    Corners are aligned, as in the original. The size is given rather than a factor of 2, because
    an input side that is not a multiple of the deepest stride has odd feature sizes on its way.
    """
    return nn.functional.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


def refuse_odd_sides(images: Tensor) -> None:
    """For encoders that go down to a stride of 32 and meet their features on the way back.

    Raises:
        UserError: a side of (N, 3, H, W) is not a multiple of 32.
    """
    height, width = images.shape[-2:]
    if width % 32 or height % 32:
        raise UserError(f"input of {width}×{height} px: sides must be multiples of 32")


def fold_norms(module: nn.Module) -> nn.Module:
    """A copy that has its batch normalisations, at their running statistics, in its convolutions.

    It gives the numbers of ``module.eval()`` in about half the time, and cannot be trained.
    """
    folded = copy.deepcopy(module).eval().requires_grad_(requires_grad=False)
    for sequence in folded.modules():
        if not isinstance(sequence, nn.Sequential):
            continue
        for index, (first, second) in enumerate(pairwise(sequence)):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                sequence[index] = fuse_conv_bn_eval(first, second)
                sequence[index + 1] = nn.Identity()
    return folded
