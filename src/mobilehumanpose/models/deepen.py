"""A deeper network that begins with what a shallower one has learnt.

The blocks that it has more add next to nothing at first, so that it answers as the other does
(function-preserving growth: Chen et al., "Net2Net", ICLR 2016), and learn from there.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from .basic import BasicConfig
from .presets import NetworkConfig
from .slim_fits import Weights

#: What a new block adds, of what it would add as it was built. With nothing at all its first
#: convolution would have nothing to go by, and its second no direction.
WHISPER = 1e-3


def is_deeper(shallow: NetworkConfig, deep: NetworkConfig) -> bool:
    """Whether the one is the other with further blocks at the ends of its stages."""
    return (
        isinstance(shallow, BasicConfig)
        and isinstance(deep, BasicConfig)
        and shallow != deep
        and replace(deep, stages=shallow.stages) == shallow
        and len(shallow.stages) == len(deep.stages)
        and all(
            channels == as_many and blocks <= more
            for (channels, blocks), (as_many, more) in zip(shallow.stages, deep.stages, strict=True)
        )
    )


@torch.no_grad()
def deepened_weights(weights: Weights, deep: nn.Module) -> Weights:
    """Weights for ``deep`` that make its answers those of a shallower network, to a thousandth.

    Args:
        weights: ``<layer>.weight`` and ``<layer>.bias`` of each of the shallower network's
            convolutions, normalisations folded in.
        deep: a network of which :func:`is_deeper` holds, as it was built; it is not changed.

    Returns:
        The same of each of its convolutions.
    """
    lacking = {
        name: (WHISPER if ".second." in name else 1) * values
        for name, values in deep.named_parameters()
        if values.ndim > 1 and name not in weights
    }
    return {**lacking, **weights}


def silently_deepened(weights: Weights, deep: Weights) -> Weights:
    """A shallower network's weights with the blocks that it lacks, which add nothing.

    They begin with the deeper one's first convolutions, so that the mean of both weights keeps
    half of what its blocks add.

    Args:
        weights: of the shallower network, normalisations folded in.
        deep: of the deeper one, likewise.
    """
    lacking = {
        name: torch.zeros_like(values) if ".second." in name else values
        for name, values in deep.items()
        if name not in weights
    }
    return {**lacking, **weights}
