"""ncnn in int8: what its own quantiser writes, which is a program that its packages do not bring.

Weights are int8, with a scale for each channel that comes out. Activations are int8 too, with a
scale for each layer's input: 127 by the largest value that calibration met, since ncnn knows no
zero points. A file is a list of layers in text, and their weights one after the other (ncnn's
``docs/developer-guide``: "param and model file structure", "operators").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

#: What is in int8 here. Such a layer's weights come first, behind a tag that tells their type.
CONVOLUTIONS = ("Convolution", "ConvolutionDepthWise")
#: Its slopes have no tag.
PRELU = "PReLU"
FLOAT32_TAG, INT8_TAG = 0, 0x000D4B38
#: Keys of a layer's parameters: channels that come out (of a PReLU its slopes), bias or none,
#: number of weights, kind of int8, and what a layer may not do.
CHANNELS, HAS_BIAS, NUM_WEIGHTS, INT8_KIND, FORBIDDEN = "0", "5", "6", "8", "31"
#: A scale for each channel. Any kind but 0 is that for a convolution, 1 for a depth-wise one.
SCALE_OF_EACH = "1"
#: Bit of ``FORBIDDEN`` for Winograd's convolutions. In int8 they leave a weight 6 of its 8 bits,
#: and joints move 1.7 times as far.
NO_WINOGRAD = 1 << 6
LARGEST = 127


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A line of the ``.param`` file, and its part of the ``.bin`` file.

    Attributes:
        kind: of the layer.
        name: its own.
        inputs: names of what goes in.
        outputs: names of what comes out.
        parameters: by their numbers.
        weights: (K, …) float32 or int8, of a convolution; None of others.
        floats: biases, slopes or scales, in the order of the file.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: dict[str, str]
    weights: NDArray[np.float32] | NDArray[np.int8] | None = None
    floats: tuple[NDArray[np.float32], ...] = ()


def read_layers(path: Path) -> list[Layer]:
    """The layers of a ``.param`` file in float32 and of the ``.bin`` file beside it.

    Raises:
        UserError: there are weights of which it is not known whose they are.
    """
    layers = []
    binary = path.with_suffix(".bin").read_bytes()
    at = 0

    def take(count: int) -> NDArray[np.float32]:
        nonlocal at
        if at + 4 * count > len(binary):
            raise UserError(f"{path.name}: its .bin file ends before its layers do")
        values = np.frombuffer(binary, "<f4", count, at)
        at += values.nbytes
        return values

    # A magic number and the counts of layers and blobs come before them.
    for line in path.read_text(encoding="utf-8").splitlines()[2:]:
        kind, name, num_inputs, num_outputs, *rest = line.split()
        num_names = int(num_inputs) + int(num_outputs)
        names = tuple(rest[:num_names])
        parameters = dict(item.split("=", 1) for item in rest[num_names:])
        weights, floats = None, []
        if kind in CONVOLUTIONS:
            tag = take(1).view("<u4")[0]
            if tag != FLOAT32_TAG:
                raise UserError(f"{path.name}: the weights of {name} are not in float32: {tag:#x}")
            channels = int(parameters[CHANNELS])
            weights = take(int(parameters[NUM_WEIGHTS])).reshape(channels, -1)
            if parameters.get(HAS_BIAS, "0") != "0":
                floats.append(take(channels))
        elif kind == PRELU:
            floats.append(take(int(parameters[CHANNELS])))
        layers.append(
            Layer(
                kind=kind,
                name=name,
                inputs=names[: int(num_inputs)],
                outputs=names[int(num_inputs) :],
                parameters=parameters,
                weights=weights,
                floats=tuple(floats),
            )
        )
    if at != len(binary):
        kinds = ", ".join(sorted({layer.kind for layer in layers}))
        raise UserError(f"{path.name}: one of its kinds of layers has unknown weights: {kinds}")
    return layers


def write_layers(path: Path, layers: Sequence[Layer]) -> None:
    """The ``.param`` and ``.bin`` files of some layers, in place of those that are there."""
    magic, counts, *_ = path.read_text(encoding="utf-8").splitlines()
    lines, parts = [magic, counts], []
    for layer in layers:
        names = [str(len(layer.inputs)), str(len(layer.outputs)), *layer.inputs, *layer.outputs]
        parameters = [f"{key}={value}" for key, value in layer.parameters.items()]
        lines.append(" ".join([layer.kind, layer.name, *names, *parameters]))
        if layer.weights is not None:
            tag = INT8_TAG if layer.weights.dtype == np.int8 else FLOAT32_TAG
            values = layer.weights.tobytes()
            parts += [np.array(tag, "<u4").tobytes(), values, bytes(-len(values) % 4)]
        parts += [values.astype("<f4").tobytes() for values in layer.floats]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.with_suffix(".bin").write_bytes(b"".join(parts))


def largest_inputs(
    network: Any, input_name: str, images: Iterable[NDArray[np.float32]], layers: Sequence[Layer]
) -> dict[str, float]:
    """The largest absolute value that goes into each convolution, by the name of what goes in.

    Args:
        network: the layers as an ``ncnn.Net``.
        input_name: of the picture.
        images: (3, P, P) each, scaled.
        layers: of the network.
    """
    import ncnn

    largest = {layer.inputs[0]: 0.0 for layer in layers if layer.weights is not None}
    for image in images:
        extractor = network.create_extractor()
        # Otherwise it forgets what lies between the layers as soon as it was used.
        extractor.set_light_mode(False)
        # A Mat looks at memory that it does not hold.
        values = np.ascontiguousarray(image)
        extractor.input(input_name, ncnn.Mat(values).clone())
        for name, so_far in largest.items():
            status, found = extractor.extract(name)
            if status:
                raise UserError(f"ncnn gives no {name!r}")
            largest[name] = max(so_far, float(np.abs(np.array(found)).max()))
    return largest


def quantise(layers: Sequence[Layer], largest: dict[str, float]) -> list[Layer]:
    """The layers with every convolution in int8.

    Args:
        layers: in float32.
        largest: of :func:`largest_inputs`.
    """
    quantised = []
    for layer in layers:
        if layer.weights is None:
            quantised.append(layer)
            continue
        # A channel or an input of zeros alone has any scale.
        spans = np.abs(layer.weights).max(axis=1)
        scales = (LARGEST / np.where(spans > 0, spans, LARGEST)).astype(np.float32)
        span = largest[layer.inputs[0]]
        input_scale = np.array([LARGEST / span if span > 0 else 1], np.float32)
        quantised.append(
            replace(
                layer,
                weights=np.rint(layer.weights * scales[:, None]).astype(np.int8),
                floats=(*layer.floats, scales, input_scale),
                parameters=layer.parameters
                | {INT8_KIND: SCALE_OF_EACH, FORBIDDEN: str(NO_WINOGRAD)},
            )
        )
    return quantised
