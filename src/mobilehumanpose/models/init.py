"""Starting weights."""

from __future__ import annotations

import torch
from torch import nn

from .blocks import BasicBlock, InvertedResidual

#: PReLU's slope before training.
PRELU_SLOPE = 0.25
#: As the original draws its final layer.
FINAL_LAYER_STD = 1e-3


@torch.no_grad()
def initialise(model: nn.Module) -> None:
    """Draw weights that train well, in place; the random state is torch's.

    * Convolutions: Kaiming normal over the fan-out, for the slope of what follows (He et al.,
      ICCV 2015), so that signals keep their size through the depth. The original draws them with
      a deviation of 0.001; batch normalisation hides that going forward, but going backward it
      makes the first steps enormous. Its decoder is left at PyTorch's default, whose deviation is
      √6 too small for a convolution before a rectifier.
    * The last normalisation of a block with an identity starts at zero, so that the block starts
      as the identity and the network as a shallow one (Goyal et al. 2017).
    * The final layer: deviation 0.001 and no bias. All cells begin equally likely and every joint
      in the middle of the grid, which is the best guess that knows nothing.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            if name == "final_layer":
                nn.init.normal_(module.weight, std=FINAL_LAYER_STD)
            else:
                nn.init.kaiming_normal_(
                    module.weight, a=PRELU_SLOPE, mode="fan_out", nonlinearity="leaky_relu"
                )
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.PReLU):
            nn.init.constant_(module.weight, PRELU_SLOPE)
    for module in model.modules():
        if isinstance(module, BasicBlock) or (
            isinstance(module, InvertedResidual) and module.has_identity
        ):
            nn.init.zeros_(module.last_norm.weight)
