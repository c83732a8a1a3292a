"""Networks in files: safetensors with a description inside, and the original's checkpoints.

Pickles run code when they are loaded. The original's ``snapshot_N.pth.tar`` are pickles; they are
read with torch's restricted unpickler, which builds tensors and plain containers and nothing else,
and are to be converted to safetensors once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..decode import POSITIONS, Position
from ..errors import UserError
from ..files import check_file, parse_json
from ..media import replacing
from ..skeleton import get_skeleton
from .blocks import Activation
from .presets import Network, build, preset_config

METADATA_KEY = "mobilehumanpose"
FORMAT_VERSION = 1

#: ImageNet's mean and deviation of RGB in 0…1, as torchvision gives them. The original's loader
#: never divided its 0…255 pixels by 255 and scaled those by these; this belongs to its checkpoints,
#: and so stands in their metadata.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_ORIGINAL_PREFIXES = ("module.backbone.", "module.", "backbone.")


@dataclass(frozen=True, kw_only=True)
class CheckpointMetadata:
    """What must be known to use a network's weights.

    Attributes:
        preset: the network, a key of ``presets.PRESETS``.
        activation: ``"prelu"`` or ``"relu6"``.
        joint_set: name of the skeleton.
        mean: subtracted from the 0…255 pixels, for R, G, B.
        std: what they are divided by then.
        licence: under which the weights may be used.
        trained_on: the data they were trained on.
        depth_range_mm: depth that the heat-map spans.
        position: how joints are read off it, see ``models.head``; files that do not say it are of
            a time when there was only the mean.
    """

    preset: str
    activation: Activation
    joint_set: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    licence: str
    trained_on: str
    depth_range_mm: float = 2000.0
    position: Position = "mean"

    @classmethod
    def from_json(cls, text: str, source: Path) -> Self:
        """Read the description that a file carries.

        Raises:
            UserError: a field is absent or impossible.
        """
        fields = parse_json(text, f"{source}: its metadata")
        if not isinstance(fields, Mapping) or fields.get("format_version") != FORMAT_VERSION:
            raise UserError(f"{source}: its metadata is not of format {FORMAT_VERSION}")
        fields = {"position": "mean", **fields}
        values: dict[str, Any] = {}
        for name in cls.__dataclass_fields__:
            value = fields.get(name)
            if name in ("mean", "std"):
                is_right = (
                    isinstance(value, list)
                    and len(value) == 3
                    and all(isinstance(v, int | float) for v in value)
                )
                value = tuple(value) if isinstance(value, list) else value
            elif name == "depth_range_mm":
                is_right = isinstance(value, int | float) and 0 < value < 1e5
            else:
                is_right = isinstance(value, str)
            if not is_right:
                raise UserError(f"{source}: metadata field {name!r} is {value!r}, which cannot be")
            values[name] = value
        if min(values["std"]) <= 0:
            raise UserError(f"{source}: metadata field 'std' is {values['std']}; must be positive")
        if values["activation"] not in ("prelu", "relu6"):
            raise UserError(f"{source}: metadata field 'activation' is {values['activation']!r}")
        if values["position"] not in POSITIONS:
            raise UserError(f"{source}: metadata field 'position' is {values['position']!r}")
        preset_config(values["preset"])
        get_skeleton(values["joint_set"])
        return cls(**values)


def save_checkpoint(path: Path, model: Network, metadata: CheckpointMetadata) -> None:
    """Write a network as safetensors, under a temporary name first.

    Raises:
        UserError: the file cannot be written.
    """
    text = json.dumps({"format_version": FORMAT_VERSION, **asdict(metadata)})
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    try:
        with replacing(path) as temporary:
            save_file(state, temporary, metadata={METADATA_KEY: text})
    except SafetensorError as error:
        raise UserError(f"{path}: cannot be written: {error}") from None


def load_checkpoint(path: Path) -> tuple[Network, CheckpointMetadata]:
    """Read what :func:`save_checkpoint` wrote.

    Raises:
        UserError: the file is absent or damaged, or does not fit its own description.
    """
    check_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(METADATA_KEY)
            if text is None:
                raise UserError(f"{path}: safetensors, but not of this project")
            metadata = CheckpointMetadata.from_json(text, path)
            model = _fresh(metadata)
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
            _refuse_mismatch(model, shapes, path)
            model.load_state_dict({key: file.get_tensor(key) for key in shapes})
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: no readable safetensors file: {error}") from None
    return model.eval(), metadata


def import_original(
    path: Path, *, preset: str, joint_set: str
) -> tuple[Network, CheckpointMetadata]:
    """Read a ``snapshot_N.pth.tar`` of the original MobileHumanPose.

    Args:
        path: dict(epoch, network, optimizer), with the network's keys behind ``module.backbone.``.
        preset: the network that it is; several look alike from outside.
        joint_set: that it was trained on, ``"human36m-18"`` or ``"muco-21"``.

    Raises:
        UserError: it is no such file, holds more than tensors, or differs from the preset; the
            keys that differ are listed.
    """
    check_file(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    # The restricted unpickler meets damage in many ways: each is a reason not to read on.
    except Exception as error:  # noqa: BLE001
        reason = str(error).strip().splitlines()
        raise UserError(
            f"{path}: not a checkpoint of tensors that can be read safely: "
            f"{reason[0][:200] if reason else type(error).__name__}"
        ) from None
    network = content.get("network", content) if isinstance(content, Mapping) else None
    if not isinstance(network, Mapping) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in network.items()
    ):
        raise UserError(f"{path}: has no 'network' with named tensors")
    state = {_without_prefix(key): value for key, value in network.items()}
    metadata = CheckpointMetadata(
        preset=preset,
        activation="prelu",
        joint_set=joint_set,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        licence="unknown: that of the checkpoint's author and of the data it was trained on",
        trained_on=f"imported from {path.name}",
    )
    model = _fresh(metadata)
    _refuse_mismatch(model, {key: tuple(value.shape) for key, value in state.items()}, path)
    model.load_state_dict(state)
    return model.eval(), metadata


def _fresh(metadata: CheckpointMetadata) -> Network:
    num_joints = get_skeleton(metadata.joint_set).num_joints
    return build(metadata.preset, num_joints=num_joints, activation=metadata.activation)


def _without_prefix(key: str) -> str:
    for prefix in _ORIGINAL_PREFIXES:
        if key.startswith(prefix):
            return key[len(prefix) :]
    return key


def _refuse_mismatch(model: Network, shapes: Mapping[str, tuple[int, ...]], path: Path) -> None:
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    problems = [f"lacks {key}" for key in expected if key not in shapes]
    problems += [f"has an unknown {key}" for key in shapes if key not in expected]
    problems += [
        f"{key} is {shapes[key]}, not {shape}"
        for key, shape in expected.items()
        if key in shapes and shapes[key] != shape
    ]
    if problems:
        raise UserError(
            f"{path}: differs from the network it should be in {len(problems)} places: "
            + "; ".join(problems)
        )
