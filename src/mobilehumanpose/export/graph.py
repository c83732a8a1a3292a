"""What an exported file computes, as one PyTorch module that every converter reads."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ..models.head import ExportHead, MarginalHead
from .source import Source

Layout = Literal["NCHW", "NHWC"]


class MaxPReLU(nn.Module):
    """A PReLU of slopes up to 1 as max(x, slope · x), where a runtime has no PReLU of its own."""

    slopes: Tensor

    def __init__(self, activation: nn.PReLU) -> None:
        super().__init__()
        self.register_buffer("slopes", activation.weight.detach().reshape(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Any (N, C, H, W)."""
        return torch.maximum(x, self.slopes * x)


def replace_prelus(network: nn.Module) -> None:
    """Put :class:`MaxPReLU` for each PReLU that it equals, in place."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.PReLU) and bool((child.weight <= 1).all()):
                setattr(parent, name, MaxPReLU(child))


class ExportGraph(nn.Module):
    """Pixels of crops in; cells and scores out, or heat-maps where the app decodes them itself.

    The pixels are scaled in here, so that no app can get it wrong; a target whose runtime scales
    pictures anyway leaves it to that.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        source: Source,
        *,
        with_head: bool,
        layout: Layout,
        scales: bool = True,
        head: type[ExportHead] | type[MarginalHead] = ExportHead,
    ) -> None:
        """Put it together.

        Args:
            source: the network, whose normalisations are folded.
            with_head: cells and scores come out, rather than heat-maps.
            layout: of the pixels.
            scales: whether pixels of 0…255 come in, rather than scaled ones.
            head: its form.
        """
        super().__init__()
        width, height, depth = source.grid
        self.network = source.folded()
        position = source.metadata.position
        self.head = head(source.num_joints, depth, height, width, position) if with_head else None
        self.layout = layout
        self.scales = scales
        metadata = source.metadata
        self.register_buffer("mean", torch.tensor(metadata.mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(metadata.std).reshape(1, 3, 1, 1))
        self.eval()

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """(N, 3, P, P) or (N, P, P, 3) RGB → (N, J, 3) and (N, J), or (N, J·D, H, W)."""
        if self.layout == "NHWC":
            image = image.permute(0, 3, 1, 2)
        if self.scales:
            image = (image.float() - self.mean) / self.std
        heatmaps = self.network(image)
        return heatmaps if self.head is None else self.head(heatmaps)


def example_image(source: Source, layout: Layout, dtype: torch.dtype = torch.float32) -> Tensor:
    """One black picture of the right shape, for converters that trace."""
    side = source.input_px
    shape = (1, 3, side, side) if layout == "NCHW" else (1, side, side, 3)
    return torch.zeros(shape, dtype=dtype)
