"""What is exported: a trained network in PyTorch, from any of the files that hold one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import UserError
from ..files import check_file
from ..models.blocks import fold_norms
from ..models.checkpoint import CheckpointMetadata, import_original, load_checkpoint
from ..models.deepen import is_deeper, silently_deepened
from ..models.head import soft_argmax
from ..models.network import INPUT_PX
from ..models.onnx_weights import folded_network, read_onnx
from ..models.presets import Network, grid_cells, preset_config
from ..runtime import MAX_BATCH, ModelDescription
from ..skeleton import get_skeleton
from ..weights import bundled_models, model_path

#: What is read: by the ends of the files' names.
SOURCE_SUFFIXES = (".safetensors", ".onnx", ".tar")
#: What runs have in common whose weights can be averaged.
_ALIKE = ("preset", "activation", "joint_set", "mean", "std", "depth_range_mm", "licence")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A network in evaluation mode, and what must be known to use it.

    Attributes:
        network: (N, 3, P, P) scaled pixels → (N, J·D, H, W) heat-maps.
        metadata: of its checkpoint.
        input_px: P.
        grid: cells of the heat-map along (x, y, z).
        is_folded: its normalisations are in its convolutions already, as exported files have them.
    """

    network: Network
    metadata: CheckpointMetadata
    input_px: int
    grid: tuple[int, int, int]
    is_folded: bool = False

    @property
    def num_joints(self) -> int:
        """J."""
        return get_skeleton(self.metadata.joint_set).num_joints

    def describe(self, name: str) -> ModelDescription:
        """What the runtime must know of it."""
        return ModelDescription(
            name=name,
            preset=self.metadata.preset,
            joint_set=self.metadata.joint_set,
            input_px=self.input_px,
            grid=self.grid,
            depth_range_mm=self.metadata.depth_range_mm,
            position=self.metadata.position,
            licence=self.metadata.licence,
            trained_on=self.metadata.trained_on,
        )

    def folded(self) -> nn.Module:
        """A copy of the network with its normalisations in its convolutions."""
        return fold_norms(self.network)

    def scaled(self, crops: NDArray[np.uint8]) -> Tensor:
        """(N, P, P, 3) RGB crops → (N, 3, P, P) as the network takes them."""
        mean, std = (
            torch.tensor(values).reshape(1, 3, 1, 1)
            for values in (self.metadata.mean, self.metadata.std)
        )
        return (torch.from_numpy(crops).permute(0, 3, 1, 2).float() - mean) / std


class Reference:
    """A source in PyTorch in float32, which exported files are compared with."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.description = source.describe("PyTorch")
        self.skeleton = get_skeleton(source.metadata.joint_set)

    @torch.inference_mode()
    def __call__(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(N, P, P, 3) RGB crops → (N, J, 3) x, y, z in cells and (N, J) scores in 0…1."""
        source = self._source
        parts = [
            soft_argmax(
                source.network(source.scaled(crops[at : at + MAX_BATCH])),
                source.num_joints,
                source.metadata.position,
            )
            for at in range(0, len(crops), MAX_BATCH)
        ]
        cells, scores = zip(*parts, strict=True)
        return torch.cat(cells).numpy(), torch.cat(scores).numpy()


def load_source(model: str, *, preset: str | None = None, joint_set: str | None = None) -> Source:
    """Read the network to export.

    Args:
        model: the name of a bundled model, or the path of a ``.safetensors`` file, of an ``.onnx``
            file that this project exported, or of a ``snapshot_N.pth.tar`` of the original.
        preset: the network of a snapshot, which does not say so itself.
        joint_set: its joint set.

    Raises:
        UserError: the file is absent, damaged or of another kind.
    """
    path = model_path(model) if model in bundled_models() else Path(model)
    if path.suffix not in SOURCE_SUFFIXES:
        raise UserError(
            f"{model}: neither a bundled model ({', '.join(bundled_models())}) nor a .safetensors, "
            ".onnx or .pth.tar file"
        )
    is_snapshot = path.suffix == ".tar"
    if not is_snapshot and (preset or joint_set):
        raise UserError(f"{path}: says its own network and joints; leave them out")
    if path.suffix == ".onnx":
        return _from_onnx(path)
    if is_snapshot:
        if not (preset and joint_set):
            raise UserError(
                f"{path}: a snapshot of the original needs --preset and --joint-set, "
                "since it does not say which network it is"
            )
        network, metadata = import_original(path, preset=preset, joint_set=joint_set)
    else:
        network, metadata = load_checkpoint(path)
    return Source(
        network=network,
        metadata=metadata,
        input_px=INPUT_PX,
        grid=grid_cells(network.config, INPUT_PX),
    )


def _as_deep(source: Source, deep: Source) -> Source:
    """A source as a network as deep as another one's, where that can be; it answers as before."""
    if not is_deeper(preset_config(source.metadata.preset), preset_config(deep.metadata.preset)):
        return source
    network = deep.folded()
    state = silently_deepened(source.folded().state_dict(), network.state_dict())
    network.load_state_dict(state)
    return replace(
        source,
        network=cast(Network, network),
        metadata=replace(source.metadata, preset=deep.metadata.preset),
        is_folded=True,
    )


@torch.no_grad()
def average(sources: Mapping[str, Source]) -> Source:
    """The mean of the weights of several runs of one recipe, or of several epochs of one.

    Runs that went on from one another, or from the same weights, end near enough to each other for
    their mean to be a network, and often a better one: "model soups" (Wortsman et al., ICML 2022),
    "stochastic weight averaging" (Izmailov et al., UAI 2018). Normalisations are folded first, so
    that statistics and weights of a run stay together.

    Args:
        sources: at least one, by what they are called in messages.

    Raises:
        UserError: they are of different networks, joints, inputs or licences.
    """
    (name, first), *others = sources.items()
    others = [(other_name, _as_deep(other, first)) for other_name, other in others]
    data = [first.metadata.trained_on]
    for other_name, other in others:
        for field in _ALIKE:
            mine, theirs = getattr(first.metadata, field), getattr(other.metadata, field)
            # An exported file has its numbers in single precision.
            is_number = field in ("mean", "std")
            if not (np.allclose(mine, theirs, 1e-6) if is_number else mine == theirs):
                raise UserError(
                    f"{other_name}: its {field} is {theirs!r}, that of {name} {mine!r}; "
                    "only runs of one network can be averaged"
                )
        if other.metadata.trained_on not in data:
            data.append(other.metadata.trained_on)
    networks = [source.folded() for source in (first, *(other for _, other in others))]
    states = [network.state_dict() for network in networks]
    mean = {key: torch.stack([state[key] for state in states]).mean(dim=0) for key in states[0]}
    networks[0].load_state_dict(mean)
    return replace(
        first,
        network=cast(Network, networks[0]),
        metadata=replace(first.metadata, trained_on="; averaged with: ".join(data)),
        is_folded=True,
    )


def _from_onnx(path: Path) -> Source:
    check_file(path)
    model = read_onnx(path)
    description = model.description
    metadata = CheckpointMetadata(
        preset=description.preset,
        activation="relu6",
        joint_set=description.joint_set,
        mean=model.mean,
        std=model.std,
        licence=description.licence,
        trained_on=description.trained_on,
        depth_range_mm=description.depth_range_mm,
        position=description.position,
    )
    num_joints = get_skeleton(description.joint_set).num_joints
    network = folded_network(
        model.weights, preset=description.preset, num_joints=num_joints, source=path
    )
    return Source(
        network=network,
        metadata=metadata,
        input_px=description.input_px,
        grid=description.grid,
        is_folded=True,
    )
