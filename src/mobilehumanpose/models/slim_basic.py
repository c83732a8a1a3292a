"""``lpski-basic`` made narrower, in every layer.

A layer's outputs that its readers use most stay; those of a stage's blocks and of the decoder's
sums, which are added to one another, are the same in all of them.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from .basic import BasicConfig, BasicNet, doubled
from .blocks import BasicBlock
from .slim_fits import Weights, fit_convolution, spread, strongest

#: What the narrower network has at a place, and what the wider one has there.
Pair = tuple[Tensor, Tensor]


def is_narrower(wide: BasicConfig, narrow: BasicConfig) -> bool:
    """Whether the one has the other's layers, with as many outputs or fewer."""

    def widths(config: BasicConfig) -> list[int]:
        return [config.stem_channels, *(c for c, _ in config.stages), config.decoder_channels]

    return (
        (wide.num_joints, wide.depth_cells) == (narrow.num_joints, narrow.depth_cells)
        and [blocks for _, blocks in wide.stages] == [blocks for _, blocks in narrow.stages]
        and all(mine <= theirs for mine, theirs in zip(widths(narrow), widths(wide), strict=True))
    )


def slim_basic(wide: BasicNet, narrow: BasicNet, images: Tensor) -> Weights:
    """What ``slim.slim_weights`` returns, of a network that :func:`is_narrower`."""
    slim, config = _Slim(wide), narrow.config
    kept = slim.used_most(wide.stem(images), ["stages.0.0.0"], config.stem_channels)
    at = slim.unit("stem", (images, images), kept)
    seen = []
    for index, (channels, num_blocks) in enumerate(config.stages):
        readers = [f"stages.{index + 1}.0.0"] if index < 3 else []
        readers += [f"lateral{4 << index}.0"] if index > 0 else []
        kept = slim.used_most(wide.stages[index](at[1]), readers, channels)
        at = slim.unit(f"stages.{index}.0", at, kept)
        for number in range(num_blocks):
            at = slim.block(f"stages.{index}.{number + 1}", at, kept)
        seen.append(at)

    _, (_, their8), (_, their16), (_, their32) = seen
    met16 = doubled(wide.lateral32(their32)) + wide.lateral16(their16)
    met8 = doubled(wide.decode16(met16)) + wide.lateral8(their8)
    width = config.decoder_channels
    kept16 = slim.used_most(met16, ["decode16.0"], width)
    kept8 = slim.used_most(met8, ["decode8.0"], width)
    kept = slim.used_most(wide.decode8(met8), ["final_layer"], width)
    at = _meet(slim.unit("lateral32", seen[3], kept16), slim.unit("lateral16", seen[2], kept16))
    at = _meet(slim.unit("decode16", at, kept8), slim.unit("lateral8", seen[1], kept8))
    mine, theirs = slim.unit("decode8", at, kept)
    slim.fit("final_layer", mine, wide.final_layer(theirs))
    return slim.weights


def _meet(deep: Pair, skip: Pair) -> Pair:
    return doubled(deep[0]) + skip[0], doubled(deep[1]) + skip[1]


class _Slim:
    """The weights as they are found; ``kept`` are those outputs of a layer that stay."""

    def __init__(self, wide: BasicNet) -> None:
        self.wide = wide
        self.weights: Weights = {}

    def fit(self, name: str, inputs: Tensor, wanted: Tensor) -> Tensor:
        """A layer of the narrower network, and what it puts out."""
        layer = cast(nn.Conv2d, self.wide.get_submodule(name))
        kernel, stride = layer.kernel_size[0], layer.stride[0]
        weight, bias = fit_convolution(inputs, wanted, kernel=kernel, stride=stride)
        self.weights[f"{name}.weight"], self.weights[f"{name}.bias"] = weight, bias
        return nn.functional.conv2d(inputs, weight, bias, stride, kernel // 2)

    def unit(self, name: str, at: Pair, kept: Tensor) -> Pair:
        """A convolution with ReLU6 behind it."""
        mine, theirs = at
        wanted = self.wide.get_submodule(f"{name}.0")(theirs)
        return self.fit(f"{name}.0", mine, wanted[:, kept]).clamp(0, 6), wanted.clamp(0, 6)

    def block(self, name: str, at: Pair, kept: Tensor) -> Pair:
        """A basic block; inside, it may keep others of its outputs."""
        block = cast(BasicBlock, self.wide.get_submodule(name))
        mine, theirs = at
        inside = self.used_most(block.first(theirs), [f"{name}.second.0"], len(kept))
        inner = self.unit(f"{name}.first", at, inside)
        wanted = theirs + block.second(inner[1])
        mine = mine + self.fit(f"{name}.second.0", inner[0], wanted[:, kept] - mine)
        return mine.clamp(0, 6), wanted.clamp(0, 6)

    def used_most(self, outputs: Tensor, readers: list[str], count: int) -> Tensor:
        """Which channels of (N, C, H, W) leave the most behind in the layers that read them."""
        weights = [cast(nn.Conv2d, self.wide.get_submodule(name)).weight for name in readers]
        read = torch.stack([weight.square().sum(dim=(0, 2, 3)) for weight in weights]).sum(dim=0)
        return strongest(spread(outputs) * read.sqrt(), count)
