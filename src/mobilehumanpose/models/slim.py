"""A narrower network that begins with the most useful channels of a wider one.

A network with new weights needs hundreds of passes to find features that a trained one has already.
So of each block's inner channels those are taken over that weigh most in what the block puts out
(by magnitude, as in Li et al., "Pruning Filters for Efficient ConvNets", ICLR 2017), and training
mends the rest. Blocks that the narrower network lacks are left out: they only add to what passes
them by.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from ..errors import UserError
from .lite import SKIP_STAGES, LiteConfig, LiteNet

Weights = dict[str, Tensor]


@torch.no_grad()
def slim_weights(
    weights: Mapping[str, Tensor], wide: LiteConfig, narrow: LiteNet, *, source: Path
) -> Weights:
    """Weights for ``narrow``, chosen from those of a wider network.

    Where the encoder's last stage is missing, the embedding is new, and adds nothing at first.

    Args:
        weights: ``<layer>.weight`` and ``<layer>.bias`` of the wider network's convolutions, with
            normalisations folded in.
        wide: its configuration.
        narrow: the network that they are for; it is not changed.
        source: named in messages.

    Raises:
        UserError: the one is no narrower form of the other.
    """
    config = narrow.config
    pairs = block_pairs(wide, config)
    if pairs is None:
        raise UserError(f"{source}: its network is no wider form of the recipe's")
    chosen: Weights = {}
    _copy(chosen, weights, "first_conv.0")
    for mine, theirs in enumerate(pairs):
        _take_block(chosen, weights, narrow, mine, theirs)
    _take_decoder(chosen, weights, narrow)
    return chosen


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


def _take_block(
    chosen: Weights, weights: Mapping[str, Tensor], narrow: LiteNet, mine: int, theirs: int
) -> None:
    to, source = f"inv_residual.{mine}.conv", f"inv_residual.{theirs}.conv"
    if f"{source}.2.weight" not in weights:  # its first layer does not widen: nothing to choose
        for layer in ("0.0", "1"):
            _copy(chosen, weights, f"{to}.{layer}", f"{source}.{layer}")
        return
    inner, project = f"{source}.1.0", f"{source}.2"
    count = len(cast(Tensor, narrow.get_submodule(f"{to}.1.0").weight))
    use = _lengths(weights[f"{inner}.weight"]) * _lengths(weights[f"{project}.weight"], axis=1)
    kept = _strongest(use, count)
    for layer in ("0.0", "1.0"):
        _copy(chosen, weights, f"{to}.{layer}", f"{source}.{layer}", rows=kept)
    _copy(chosen, weights, f"{to}.2", project, columns=kept)


def _take_decoder(chosen: Weights, weights: Mapping[str, Tensor], narrow: LiteNet) -> None:
    config = narrow.config
    skips = [config.stages[stage][1] for stage in reversed(SKIP_STAGES)]
    # The embedding is of other channels now.
    chosen["last_conv.0.weight"] = cast(Tensor, narrow.last_conv[0].weight).clone()
    chosen["last_conv.0.bias"] = torch.zeros(config.embedding)
    passed = torch.arange(0)  # of what comes before a stage, besides the skip
    for stage, skip in enumerate(skips):
        first, inner, last = (f"deconv{stage}.{layer}.0" for layer in range(3))
        after = weights["final_layer.weight" if stage == 2 else f"deconv{stage + 1}.0.0.weight"]
        kept = _strongest(
            _lengths(weights[f"{inner}.weight"]) * _lengths(weights[f"{last}.weight"], axis=1),
            config.decoder_channels,
        )
        _copy(
            chosen,
            weights,
            first,
            rows=kept,
            columns=torch.cat([torch.arange(skip), skip + passed]),
        )
        if stage == 0:
            new = torch.zeros(len(kept), config.embedding, 1, 1)
            chosen[f"{first}.weight"] = torch.cat([chosen[f"{first}.weight"], new], dim=1)
        _copy(chosen, weights, inner, rows=kept)
        seen = _lengths(after, axis=1)[0 if stage == 2 else skips[stage + 1] :]
        passed = _strongest(_lengths(weights[f"{last}.weight"]) * seen, config.decoder_channels)
        _copy(chosen, weights, last, rows=passed, columns=kept)
    _copy(chosen, weights, "final_layer", columns=passed)


def _copy(
    chosen: Weights,
    weights: Mapping[str, Tensor],
    to: str,
    source: str | None = None,
    *,
    rows: Tensor | None = None,
    columns: Tensor | None = None,
) -> None:
    """A layer, or some of its outputs (rows) and inputs (columns)."""
    source = source or to
    weight, bias = weights[f"{source}.weight"], weights.get(f"{source}.bias")  # left out if zero
    rows = torch.arange(len(weight)) if rows is None else rows
    weight = weight[rows]
    chosen[f"{to}.weight"] = weight if columns is None else weight[:, columns]
    if bias is not None:
        chosen[f"{to}.bias"] = bias[rows]


def _lengths(weight: Tensor, axis: int = 0) -> Tensor:
    """Of the weights of each output, or of those that each input meets."""
    return weight.transpose(0, axis).flatten(1).norm(dim=1)


def _strongest(use: Tensor, count: int) -> Tensor:
    """Indices of the largest, in order."""
    return use.topk(count).indices.sort().values
