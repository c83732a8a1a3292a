"""A network of plain 3×3 convolutions: the one that learns fastest from new weights here.

Depth-wise convolutions save multiplications that a processor does anyway while it waits for memory.
This one does as many as ``lpski-lite0`` in somewhat less time, and trains at five times its speed
where the processor multiplies bfloat16 natively (``docs/experiments.md``). Its encoder is ResNet's
(basic blocks, He et al., CVPR 2016), its decoder adds what was seen at strides 16 and 8 to what
comes from deeper (feature pyramids, Lin et al., CVPR 2017). ReLU6 keeps it easy to quantise.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from .blocks import BasicBlock, ConvBNAct, refuse_odd_sides


@dataclass(frozen=True, kw_only=True)
class BasicConfig:
    """An ``lpski-basic`` network.

    Attributes:
        num_joints: J.
        depth_cells: cells of the heat-map along depth; its other sides are input / 8.
        stem_channels: of the first convolution, at stride 2.
        stages: (channels, basic blocks) at strides 4, 8, 16 and 32.
        decoder_channels: of the decoder.
    """

    num_joints: int = 21
    depth_cells: int = 32
    stem_channels: int = 24
    stages: tuple[tuple[int, int], ...] = ((32, 1), (64, 2), (128, 2), (192, 1))
    decoder_channels: int = 96


class BasicNet(nn.Module):
    """ResNet-like encoder, two skips that are added, a 3D heat-map."""

    def __init__(self, config: BasicConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = ConvBNAct(3, config.stem_channels, stride=2, activation="relu6")
        self.stages = nn.ModuleList()
        channels = config.stem_channels
        for out_channels, num_blocks in config.stages:
            self.stages.append(
                nn.Sequential(
                    ConvBNAct(channels, out_channels, stride=2, activation="relu6"),
                    *(BasicBlock(out_channels) for _ in range(num_blocks)),
                )
            )
            channels = out_channels
        width = config.decoder_channels
        _, skip8, skip16, deepest = (channels for channels, _ in config.stages)
        self.lateral32 = ConvBNAct(deepest, width, kernel=1, activation="relu6")
        self.lateral16 = ConvBNAct(skip16, width, kernel=1, activation="relu6")
        self.lateral8 = ConvBNAct(skip8, width, kernel=1, activation="relu6")
        self.decode16 = ConvBNAct(width, width, activation="relu6")
        self.decode8 = ConvBNAct(width, width, activation="relu6")
        self.final_layer = nn.Conv2d(width, config.num_joints * config.depth_cells, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images → (N, J·D, H/8, W/8) heat-maps; channel = joint · D + depth.

        Raises:
            UserError: H or W is not a multiple of 32.
        """
        refuse_odd_sides(images)
        x = self.stem(images)
        seen = []
        for stage in self.stages:
            x = stage(x)
            seen.append(x)
        _, seen8, seen16, seen32 = seen
        x = self.decode16(doubled(self.lateral32(seen32)) + self.lateral16(seen16))
        x = self.decode8(doubled(x) + self.lateral8(seen8))
        return self.final_layer(x)


def doubled(x: Tensor) -> Tensor:
    """Each pixel four times: the 3×3 convolution behind it smooths, and every runtime has it."""
    return nn.functional.interpolate(x, scale_factor=2, mode="nearest")
