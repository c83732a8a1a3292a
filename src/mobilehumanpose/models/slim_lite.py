"""``lpski-lite0`` made narrower: inside its blocks, in its embedding and its decoder.

Of each block's inner channels the strongest stay, and the layer behind them is fitted anew.
Blocks that the narrower network lacks are left out: they only add to what passes them by.
"""

from __future__ import annotations

from itertools import accumulate
from typing import cast

import torch
from torch import Tensor, nn

from .blocks import upsample
from .lite import LiteConfig, LiteNet
from .slim_fits import Weights, fit_convolution, spread, strongest


def slim_lite(wide: LiteNet, narrow: LiteNet, images: Tensor, pairs: list[int]) -> Weights:
    """What ``slim.slim_weights`` returns; ``pairs`` are those of :func:`block_pairs`."""
    slim = _Slim(wide, narrow)
    theirs = mine = wide.first_conv(images)
    slim.keep("first_conv.0", _layer(wide, "first_conv.0"))
    their_skips, my_skips = [], []
    position = 0
    for index, pair in enumerate(pairs):
        for block in wide.inv_residual[position : pair + 1]:
            theirs = block(theirs)
        position = pair + 1
        mine = slim.block(index, pair, mine, theirs)
        if index in narrow.config.skip_blocks:
            their_skips.append(theirs)
            my_skips.append(mine)
    for block in wide.inv_residual[position:]:
        theirs = block(theirs)
    slim.decoder(mine, my_skips[::-1], wide.last_conv(theirs), their_skips[::-1])
    return slim.weights


def block_pairs(wide: LiteConfig, narrow: LiteConfig) -> list[int] | None:
    """For each block of the narrower encoder its like in the wider; None where there is none.

    Of a stage with fewer blocks the first and the last stay, one of which changes the size of the
    picture and the other of which the decoder sees.
    """
    if (wide.num_joints, wide.depth_cells) != (narrow.num_joints, narrow.depth_cells):
        return None
    if len(narrow.stages) > len(wide.stages) or narrow.decoder_channels > wide.decoder_channels:
        return None
    starts = [0, *accumulate(repeats for _, _, repeats, _, _ in wide.stages)]
    pairs: list[int] = []
    for start, theirs, mine in zip(starts, wide.stages, narrow.stages, strict=False):
        if mine[1] != theirs[1] or mine[3:] != theirs[3:] or mine[0] > theirs[0]:
            return None
        missing = theirs[2] - mine[2]
        if missing < 0 or (missing and mine[2] < 2):
            return None
        pairs += [start + i for i in range(mine[2] - 1)] + [start + theirs[2] - 1]
    return pairs


class _Slim:
    """The weights as they are found, layer after layer."""

    def __init__(self, wide: LiteNet, narrow: LiteNet) -> None:
        self.wide, self.narrow = wide, narrow
        self.weights: Weights = {}

    def keep(self, name: str, layer: nn.Conv2d, rows: Tensor | None = None) -> None:
        """A layer of the wider network, or some of its outputs."""
        rows = torch.arange(layer.out_channels) if rows is None else rows
        self.weights[f"{name}.weight"] = layer.weight[rows]
        self.weights[f"{name}.bias"] = cast(Tensor, layer.bias)[rows]

    def fit(self, name: str, inputs: Tensor, wanted: Tensor) -> Tensor:
        """A 1×1 layer that makes of (N, C, H, W) nearly what is wanted, and what it makes."""
        weight, bias = fit_convolution(inputs, wanted)
        self.weights[f"{name}.weight"], self.weights[f"{name}.bias"] = weight, bias
        return nn.functional.conv2d(inputs, weight, bias)

    def block(self, index: int, pair: int, mine: Tensor, theirs: Tensor) -> Tensor:
        """An inverted residual; what it puts out where the wider one has ``theirs``."""
        name, source = f"inv_residual.{index}.conv", self.wide.get_submodule(f"inv_residual.{pair}")
        layers = cast(nn.Sequential, source.conv)
        project = _layer(layers, str(len(layers) - 2))
        inner = layers[: len(layers) - 2](mine)
        count = _layer(self.narrow, f"{name}.{len(layers) - 2}").in_channels
        kept = strongest(spread(inner) * project.weight.flatten(1).norm(dim=0), count)
        for at in range(len(layers) - 2):
            self.keep(f"{name}.{at}.0", _layer(layers, f"{at}.0"), kept)
        passing = mine if source.has_identity else 0
        return passing + self.fit(f"{name}.{len(layers) - 2}", inner[:, kept], theirs - passing)

    def decoder(
        self, mine: Tensor, my_skips: list[Tensor], theirs: Tensor, their_skips: list[Tensor]
    ) -> None:
        """The embedding, which is new, and the three stages behind it; skips are deepest first."""
        embedding = _layer(self.narrow, "last_conv.0").weight.cpu()
        # Random features, of a size that the activation lets through.
        embedding = embedding / nn.functional.conv2d(mine, embedding).std().clamp(min=1e-6)
        self.weights["last_conv.0.weight"] = embedding
        self.weights["last_conv.0.bias"] = torch.zeros(len(embedding))
        mine = nn.functional.conv2d(mine, embedding).clamp(0, 6)
        count = self.narrow.config.decoder_channels
        for stage in range(3):
            size = their_skips[stage].shape[-2:]
            mine = torch.cat([my_skips[stage], upsample(mine, size)], dim=1)
            theirs = torch.cat([their_skips[stage], upsample(theirs, size)], dim=1)
            first, inner, last = (f"deconv{stage}.{at}.0" for at in range(3))
            wide_stage = cast(nn.Sequential, self.wide.get_submodule(f"deconv{stage}"))
            use = _layer(self.wide, last).weight.flatten(1).norm(dim=0)
            theirs = _layer(self.wide, first)(theirs)
            kept = strongest(use * spread(wide_stage[1](theirs.clamp(0, 6))), count)
            mine = self.fit(first, mine, theirs[:, kept]).clamp(0, 6)
            self.keep(inner, _layer(self.wide, inner), kept)
            mine = wide_stage[1](theirs.clamp(0, 6).index_copy(1, kept, mine))[:, kept]
            theirs = _layer(self.wide, last)(wide_stage[1](theirs.clamp(0, 6)))
            after = _layer(self.wide, "final_layer" if stage == 2 else f"deconv{stage + 1}.0.0")
            use = after.weight.flatten(1).norm(dim=0)[-theirs.shape[1] :]
            kept = strongest(use * spread(theirs.clamp(0, 6)), count)
            mine = self.fit(last, mine, theirs[:, kept]).clamp(0, 6)
            theirs = theirs.clamp(0, 6)
        self.fit("final_layer", mine, _layer(self.wide, "final_layer")(theirs))


def _layer(module: nn.Module, name: str) -> nn.Conv2d:
    return cast(nn.Conv2d, module.get_submodule(name))
