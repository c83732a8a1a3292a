"""The weights of an exported ONNX file, put back into a network that can be trained.

An export folds each batch normalisation into the convolution before it. What comes out computes
the same but trains badly, so the normalisations are taken out again: their statistics are measured
on pictures, and their scales and shifts chosen so that the network's answers stay what they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import UserError
from ..runtime import METADATA_KEY, ModelDescription
from .blocks import fold_norms
from .presets import Network, build

#: Where an exported graph keeps the network beside the head.
SCOPE = "network."
#: Begins the names of the weights that stand for a PReLU in an exported graph.
PRELU_PREFIX = "prelu."
#: An exported convolution of joined tensors may be split into one for each of them. This stands
#: between the name of its weights and the first input channel of a part.
PART_MARK = "@"


class OnnxModel(NamedTuple):
    """What an exported file holds.

    Attributes:
        description: as it travels inside.
        weights: ``<layer>.weight`` and ``<layer>.bias`` of each convolution.
        mean: that the graph subtracts from the 0…255 pixels, for R, G, B.
        std: by which it divides them then.
    """

    description: ModelDescription
    weights: dict[str, Tensor]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def read_onnx(path: Path) -> OnnxModel:
    """All of an exported model that makes up its network.

    Raises:
        UserError: the file cannot be read, or this project did not export it.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise UserError(f"{path}: needs a package: pip install 'mobilehumanpose[export]'") from None
    try:
        proto = onnx.load(path)
    # The protobuf parser's exceptions share no base class that onnx makes known.
    except Exception as error:  # noqa: BLE001
        reason = str(error).strip() or type(error).__name__
        raise UserError(f"{path}: not a readable ONNX file: {reason[:200]}") from None
    description = next((p.value for p in proto.metadata_props if p.key == METADATA_KEY), None)
    if description is None:
        raise UserError(f"{path}: not exported by this project (no {METADATA_KEY!r} metadata)")
    if any(
        node.op_type == "PRelu" or name.startswith(PRELU_PREFIX)
        for node in proto.graph.node
        for name in node.input
    ):
        raise UserError(f"{path}: a network with PReLU; begin with its .safetensors file instead")
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    # Large tensors are stored in half precision behind a cast to their name.
    names = {node.output[0]: node.input[0] for node in proto.graph.node if node.op_type == "Cast"}

    def values(name: str) -> NDArray[np.floating]:
        tensor = stored.get(names.get(name, name))
        if tensor is None:
            raise UserError(f"{path}: the weights {name!r} are not in the file")
        return numpy_helper.to_array(tensor)

    weights = {}
    for node in proto.graph.node:
        if node.op_type != "Conv" or not node.input[1].startswith(SCOPE):
            continue
        key = node.input[1].removeprefix(SCOPE)
        bias_key = key.partition(PART_MARK)[0].removesuffix("weight") + "bias"
        for own_key, name in zip((key, bias_key), node.input[1:], strict=False):
            weights[own_key] = torch.from_numpy(values(name).copy()).float()
    return OnnxModel(
        ModelDescription.from_json(description, path),
        _whole(weights),
        mean=_per_channel(values("mean")),
        std=_per_channel(values("std")),
    )


def _whole(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights with the parts of split convolutions put together."""
    starts: dict[str, list[int]] = {}
    for key in weights:
        name, mark, start = key.partition(PART_MARK)
        if mark:
            starts.setdefault(name, []).append(int(start))
    whole = dict(weights)
    for name, channels in starts.items():
        parts = [whole.pop(f"{name}{PART_MARK}{start}") for start in sorted(channels)]
        whole[name] = torch.cat(parts, dim=1)
    return whole


def _per_channel(values: NDArray[np.floating]) -> tuple[float, float, float]:
    red, green, blue = np.broadcast_to(values.reshape(-1), 3).astype(float).tolist()
    return red, green, blue


@torch.no_grad()
def load_onnx_weights(
    model: Network, weights: Mapping[str, Tensor], images: Tensor, *, source: Path
) -> None:
    """Fill ``model`` with folded weights, and take its normalisations out of them again.

    Channels of a convolution get the lengths that they had in ``model`` before, since the steps of
    an optimiser are felt in relation to those; normalisation makes up for it.

    Args:
        model: as :func:`~.presets.build` made it, with an encoder's weights where there are some.
        weights: of :func:`read_onnx`.
        images: (N, 3, H, W) scaled as the network takes them, to measure statistics on.
        source: named in messages.

    Raises:
        UserError: the weights are of another network.
    """
    _refuse_other_shapes(model, weights, source)
    convolutions = _convolutions(model)
    norms = _norms_behind(model)
    lengths = {}
    for name, layer in convolutions.items():
        bias = weights.get(f"{name}.bias", torch.zeros(len(layer.weight)))  # left out if zero
        lengths[name] = _channel_lengths(layer.weight)
        layer.weight.copy_(weights[f"{name}.weight"])
        norm = norms.get(name)
        if norm is None:
            cast(Tensor, layer.bias).copy_(bias)
        else:
            _set_norm(norm, mean=torch.zeros_like(bias), variance=1 - norm.eps, scale=1, shift=bias)
            if layer.bias is not None:
                layer.bias.zero_()
    statistics: dict[str, tuple[Tensor, Tensor]] = {}

    def measure(name: str, outputs: Tensor) -> None:
        variance, mean = torch.var_mean(outputs, dim=(0, 2, 3), correction=0)
        statistics[name] = mean, variance

    hooks = [
        convolutions[name].register_forward_hook(
            lambda _, __, outputs, name=name: measure(name, outputs)
        )
        for name in norms
    ]
    was_training = model.training
    try:
        model.eval()(images)
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    for name, norm in norms.items():
        layer = convolutions[name]
        mean, variance = statistics[name]
        # A channel that folding made silent keeps its length: there is nothing to scale.
        now = _channel_lengths(layer.weight)
        factor = torch.where(now > 1e-6, lengths[name] / now.clamp(min=1e-6), 1.0)
        layer.weight.mul_(factor[:, None, None, None])
        variance = variance * factor**2
        scale = (variance + norm.eps).sqrt() / factor
        shift = norm.bias + scale / (variance + norm.eps).sqrt() * factor * mean
        _set_norm(norm, mean=factor * mean, variance=variance, scale=scale, shift=shift)


@torch.no_grad()
def folded_network(
    weights: Mapping[str, Tensor], *, preset: str, num_joints: int, source: Path
) -> Network:
    """The network that an exported file runs: folded as there, so that its answers are the file's.

    Args:
        weights: of :func:`read_onnx`.
        preset: of the network.
        num_joints: J.
        source: named in messages.

    Raises:
        UserError: the weights are of another network.
    """
    model = cast(Network, fold_norms(build(preset, num_joints=num_joints, activation="relu6")))
    _refuse_other_shapes(model, weights, source)
    for name, layer in _convolutions(model).items():
        layer.weight.copy_(weights[f"{name}.weight"])
        bias = weights.get(f"{name}.bias")  # left out if zero
        if layer.bias is not None:
            layer.bias.copy_(torch.zeros_like(layer.bias) if bias is None else bias)
        elif bias is not None:
            raise UserError(f"{source}: {name} has a bias, which {type(model).__name__} has not")
    return model


def _convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    return {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv2d)}


def _refuse_other_shapes(model: nn.Module, weights: Mapping[str, Tensor], source: Path) -> None:
    for name, layer in _convolutions(model).items():
        weight = weights.get(f"{name}.weight")
        if weight is None or weight.shape != layer.weight.shape:
            raise UserError(
                f"{source}: {name} is {'absent' if weight is None else tuple(weight.shape)}; "
                f"{tuple(layer.weight.shape)} fits {type(model).__name__}"
            )


def _norms_behind(model: nn.Module) -> dict[str, nn.BatchNorm2d]:
    """Name of each convolution that a normalisation follows → the normalisation."""
    norms = {}
    for prefix, sequence in model.named_modules():
        if isinstance(sequence, nn.Sequential):
            children = list(sequence.named_children())
            for (name, first), (_, second) in pairwise(children):
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    norms[f"{prefix}.{name}"] = second
    return norms


def _channel_lengths(weight: Tensor) -> Tensor:
    return weight.flatten(1).norm(dim=1)


def _set_norm(
    norm: nn.BatchNorm2d,
    *,
    mean: Tensor,
    variance: Tensor | float,
    scale: Tensor | float,
    shift: Tensor,
) -> None:
    for target, value in (
        (norm.running_mean, mean),
        (norm.running_var, variance),
        (norm.weight, scale),
        (norm.bias, shift),
    ):
        cast(Tensor, target).copy_(torch.as_tensor(value).expand_as(shift))
