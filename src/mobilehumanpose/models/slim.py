"""A narrower network that begins with what a wider one has learnt.

A network with new weights needs hundreds of passes to find features that a trained one has already.
So of each block's inner channels those are taken over that weigh most in what the block puts out,
and the layer behind them is fitted anew, by least squares on some pictures, to put out what the
wider network does there; what went wrong before is made good in every block (after He et al.,
"Channel Pruning for Accelerating Very Deep Neural Networks", ICCV 2017). Training mends the rest.
Blocks that the narrower network lacks are left out: they only add to what passes them by.
"""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from ..errors import UserError
from .blocks import upsample
from .lite import LiteConfig, LiteNet

Weights = dict[str, Tensor]

#: Places of each picture that a layer is fitted on.
PLACES = 200
#: Of the mean square of the inputs; keeps inputs that are alike from cancelling each other.
RIDGE = 1e-3


@torch.no_grad()
def slim_weights(wide: LiteNet, narrow: LiteNet, images: Tensor, *, source: Path) -> Weights:
    """Weights for ``narrow`` that make its answers like those of ``wide``, as far as fits go.

    Args:
        wide: a trained network with its normalisations folded into its convolutions.
        narrow: the network that the weights are for; it is not changed.
        images: (N, 3, H, W) scaled as the networks take them, for the fits, on the processor.
        source: named in messages.

    Returns:
        ``<layer>.weight`` and ``<layer>.bias`` of each convolution, without normalisations.

    Raises:
        UserError: the one is no narrower form of the other.
    """
    pairs = block_pairs(wide.config, narrow.config)
    if pairs is None:
        raise UserError(f"{source}: its network is no wider form of the recipe's")
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
        columns, targets = inputs.movedim(1, -1).flatten(0, 2), wanted.movedim(1, -1).flatten(0, 2)
        chosen = torch.linspace(
            0, len(columns) - 1, min(len(columns), PLACES * len(inputs))
        ).round()
        columns, targets = columns[chosen.long()].double(), targets[chosen.long()].double()
        input_mean, target_mean = columns.mean(dim=0), targets.mean(dim=0)
        columns, targets = columns - input_mean, targets - target_mean
        gram = columns.T @ columns
        gram.diagonal().add_(RIDGE * gram.diagonal().mean())
        matrix = torch.linalg.solve(gram, columns.T @ targets).T
        weight = matrix.float()[:, :, None, None]
        bias = (target_mean - matrix @ input_mean).float()
        self.weights[f"{name}.weight"], self.weights[f"{name}.bias"] = weight, bias
        return nn.functional.conv2d(inputs, weight, bias)

    def block(self, index: int, pair: int, mine: Tensor, theirs: Tensor) -> Tensor:
        """An inverted residual; what it puts out where the wider one has ``theirs``."""
        name, source = f"inv_residual.{index}.conv", self.wide.get_submodule(f"inv_residual.{pair}")
        layers = cast(nn.Sequential, source.conv)
        project = _layer(layers, str(len(layers) - 2))
        inner = layers[: len(layers) - 2](mine)
        count = _layer(self.narrow, f"{name}.{len(layers) - 2}").in_channels
        kept = _strongest(_spread(inner) * project.weight.flatten(1).norm(dim=0), count)
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
            kept = _strongest(use * _spread(wide_stage[1](theirs.clamp(0, 6))), count)
            mine = self.fit(first, mine, theirs[:, kept]).clamp(0, 6)
            self.keep(inner, _layer(self.wide, inner), kept)
            mine = wide_stage[1](theirs.clamp(0, 6).index_copy(1, kept, mine))[:, kept]
            theirs = _layer(self.wide, last)(wide_stage[1](theirs.clamp(0, 6)))
            after = _layer(self.wide, "final_layer" if stage == 2 else f"deconv{stage + 1}.0.0")
            use = after.weight.flatten(1).norm(dim=0)[-theirs.shape[1] :]
            kept = _strongest(use * _spread(theirs.clamp(0, 6)), count)
            mine = self.fit(last, mine, theirs[:, kept]).clamp(0, 6)
            theirs = theirs.clamp(0, 6)
        self.fit("final_layer", mine, _layer(self.wide, "final_layer")(theirs))


def _layer(module: nn.Module, name: str) -> nn.Conv2d:
    return cast(nn.Conv2d, module.get_submodule(name))


def _spread(outputs: Tensor) -> Tensor:
    """Standard deviation of each channel of (N, C, H, W)."""
    return outputs.movedim(1, 0).flatten(1).std(dim=1)


def _strongest(use: Tensor, count: int) -> Tensor:
    """Indices of the largest, in order."""
    return use.topk(count).indices.sort().values
