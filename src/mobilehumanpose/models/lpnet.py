"""The published networks: LPSKI (skips), LPWO (none) and LPRES (residual concatenation).

All three share the encoder's blocks and the decoder's stages; they differ in what is concatenated
before each. Names of the layers, the misspelt ``deonv`` of LPRES included, are the original's, so
that its checkpoints load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..errors import UserError
from .blocks import (
    Activation,
    ConvBNAct,
    InvertedResidual,
    decoder_stage,
    refuse_odd_sides,
    round_channels,
    upsample,
)

Family = Literal["LPSKI", "LPWO", "LPRES"]

STEM_CHANNELS = 48
#: (expansion, channels, repeats) of the seven stages; their strides depend on the grid.
STAGES = ((1, 64, 1), (6, 48, 2), (6, 48, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
DECODER_CHANNELS = 256
#: Stem stride and stage strides for a heat-map of a quarter (64-grid) and an eighth (32-grid) of
#: the input's side: the paper's network, and the one that its code later shrank to.
STRIDES_OF_GRID = {64: (1, (1, 2, 2, 2, 2, 2, 1)), 32: (2, (2, 2, 2, 2, 2, 1, 1))}


@dataclass(frozen=True, kw_only=True)
class LpNetConfig:
    """One of the published networks, or a relative.

    Attributes:
        family: what is concatenated where.
        num_joints: J.
        width: multiplies the encoder's channels, rounded to multiples of 8.
        embedding: channels between encoder and decoder.
        grid: cells along each side of the heat-map for a 256 px input: 64 or 32.
        depth_cells: cells along depth; the grid's when None.
        activation: ``"prelu"`` as published, or ``"relu6"``, which runs faster.
        strides: (stem, stages) if not the grid's own; for the repository's "large" branch.
    """

    family: Family
    num_joints: int = 18
    width: float = 1.0
    embedding: int = 2048
    grid: int = 64
    depth_cells: int | None = None
    activation: Activation = "prelu"
    strides: tuple[int, tuple[int, ...]] | None = None

    def __post_init__(self) -> None:
        if self.grid not in STRIDES_OF_GRID:
            raise UserError(f"grid {self.grid}: 64 and 32 are possible")
        if self.num_joints < 1 or self.embedding < 1 or not 0 < self.width <= 8:
            raise UserError(
                f"num_joints {self.num_joints}, embedding {self.embedding} and width {self.width} "
                "must be positive"
            )


class LpNet(nn.Module):
    """A network of the LP families."""

    def __init__(self, config: LpNetConfig) -> None:
        super().__init__()
        self.config = config
        activation = config.activation
        stem_stride, self.stage_strides = config.strides or STRIDES_OF_GRID[config.grid]
        stem = round_channels(STEM_CHANNELS * config.width)
        channels = [stem] + [round_channels(c * config.width) for _, c, _ in STAGES]
        is_residual = config.family == "LPRES"

        self.first_conv = ConvBNAct(3, stem, stride=stem_stride, activation=activation)
        blocks: list[nn.Module] = []
        self.stage_ends: list[int] = []
        for stage, (expansion, _, repeats) in enumerate(STAGES):
            in_channels = channels[stage]
            if is_residual and stage > 0:
                in_channels += channels[stage - 1]
            for repeat in range(repeats):
                blocks.append(
                    InvertedResidual(
                        in_channels,
                        channels[stage + 1],
                        stride=self.stage_strides[stage] if repeat == 0 else 1,
                        expansion=expansion,
                        activation=activation,
                    )
                )
                in_channels = channels[stage + 1]
            self.stage_ends.append(len(blocks) - 1)
        self.inv_residual = nn.ModuleList(blocks)

        last, before_last = channels[-1], channels[-2]
        self.last_conv = ConvBNAct(
            last + before_last if is_residual else last,
            config.embedding,
            kernel=1,
            activation=activation,
        )
        self.pool = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)
        # The decoder takes up the outputs of the last three stages that shrink the picture.
        self.skip_stages = [i for i, stride in enumerate(self.stage_strides) if stride == 2][-3:]
        skips = [channels[stage + 1] for stage in reversed(self.skip_stages)]  # deepest first
        wide = DECODER_CHANNELS
        if is_residual:
            inputs = [last + config.embedding, config.embedding + wide, wide + wide]
            mids = [wide] * 3
        elif config.family == "LPSKI":
            inputs = [skips[0] + config.embedding, skips[1] + wide, skips[2] + wide]
            mids = skips
        else:
            inputs = [config.embedding, wide, wide]
            mids = skips
        self.decoder_name = "deonv" if is_residual else "deconv"
        for i, (in_channels, mid) in enumerate(zip(inputs, mids, strict=True)):
            stage_layers = decoder_stage(in_channels, mid, wide, activation=activation)
            self.add_module(f"{self.decoder_name}{i}", stage_layers)
        self.final_layer = nn.Conv2d(wide, config.num_joints * self.depth_cells, 1)

    @property
    def depth_cells(self) -> int:
        """Cells of the heat-map along depth."""
        return self.config.depth_cells or self.config.grid

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images → (N, J·D, h, w) heat-maps; channel = joint · D + depth.

        h and w are a quarter (64-grid) or an eighth (32-grid) of the input's sides.

        Raises:
            UserError: H or W is not a multiple of 32.
        """
        refuse_odd_sides(images)
        height, width = images.shape[-2:]
        features = self._encode(images)
        # What each decoder stage but the last grows to: the size of the skip that comes next.
        sizes = [features[stage + 1].shape[-2:] for stage in reversed(self.skip_stages[:2])]
        if self.config.family == "LPRES":
            x = self._decode_residual(features, sizes)
        else:
            x = self._decode(features, sizes)
        # The original enlarges first. The numbers are the same, since weights that sum to one
        # (bilinear ones) change places with a 1×1 convolution and its bias; its work is a quarter.
        reduction = 256 // self.config.grid
        return upsample(self.final_layer(x), (height // reduction, width // reduction))

    def _encode(self, images: Tensor) -> list[Tensor]:
        """Outputs of the stem and of each stage."""
        features = [self.first_conv(images)]
        start = 0
        for stage, end in enumerate(self.stage_ends):
            x = features[-1]
            if self.config.family == "LPRES" and stage > 0:
                x = torch.cat([self._pooled(features[-2], stage - 1), x], dim=1)
            for block in self.inv_residual[start : end + 1]:
                x = block(x)
            features.append(x)
            start = end + 1
        return features

    def _pooled(self, x: Tensor, stage: int) -> Tensor:
        """The input of a stage at the size of its output."""
        return self.pool(x) if self.stage_strides[stage] == 2 else x

    def _decoder(self, index: int) -> nn.Module:
        return self.get_submodule(f"{self.decoder_name}{index}")

    def _decode(self, features: list[Tensor], sizes: list[torch.Size]) -> Tensor:
        x = self.last_conv(features[-1])
        for index, stage in enumerate(reversed(self.skip_stages)):
            if index > 0:
                x = upsample(x, sizes[index - 1])
            if self.config.family == "LPSKI":
                x = torch.cat([features[stage + 1], x], dim=1)
            x = self._decoder(index)(x)
        return x

    def _decode_residual(self, features: list[Tensor], sizes: list[torch.Size]) -> Tensor:
        before_last = self._pooled(features[-2], len(STAGES) - 1)
        embedding = self.last_conv(torch.cat([before_last, features[-1]], dim=1))
        previous, x = features[-1], embedding
        for index, size in enumerate(sizes):
            decoded = self._decoder(index)(torch.cat([previous, x], dim=1))
            previous, x = upsample(x, size), upsample(decoded, size)
        return self._decoder(len(sizes))(torch.cat([previous, x], dim=1))
