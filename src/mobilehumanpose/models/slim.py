"""A narrower network that begins with what a wider one has learnt.

A network with new weights needs hundreds of passes to find features that a trained one has already.
So of a layer's channels those are taken over that weigh most in what is read from them, and layers
are fitted anew, by least squares on some pictures, to put out what the wider network does there;
what went wrong before is made good in every block (after He et al., "Channel Pruning for
Accelerating Very Deep Neural Networks", ICCV 2017). Training mends the rest.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..errors import UserError
from .basic import BasicConfig, BasicNet
from .lite import LiteConfig, LiteNet
from .presets import Network, NetworkConfig
from .slim_basic import is_narrower, slim_basic
from .slim_fits import Weights
from .slim_lite import block_pairs, slim_lite


def has_narrower_forms(wide: NetworkConfig, narrow: NetworkConfig) -> bool:
    """Whether both are of one of the families that can be narrowed."""
    return type(wide) is type(narrow) and isinstance(wide, LiteConfig | BasicConfig)


@torch.no_grad()
def slim_weights(wide: Network, narrow: Network, images: Tensor, *, source: Path) -> Weights:
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
    match wide, narrow:
        case LiteNet(), LiteNet():
            pairs = block_pairs(wide.config, narrow.config)
            if pairs is not None:
                return slim_lite(wide, narrow, images, pairs)
        case BasicNet(), BasicNet() if is_narrower(wide.config, narrow.config):
            return slim_basic(wide, narrow, images)
    raise UserError(f"{source}: its network is no wider form of the recipe's")
