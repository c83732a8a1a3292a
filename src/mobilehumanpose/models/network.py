"""A trained network straight from its ``.safetensors`` file, called as an exported one is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..runtime import MAX_BATCH, ModelDescription
from ..skeleton import get_skeleton
from .checkpoint import CheckpointMetadata, load_checkpoint
from .head import soft_argmax
from .presets import Network, grid_cells

#: What the exported models take, too.
INPUT_PX = 256


def describe(
    name: str, model: Network, metadata: CheckpointMetadata, input_px: int = INPUT_PX
) -> ModelDescription:
    """What the runtime must know of a network, for square crops of ``input_px``."""
    return ModelDescription(
        name=name,
        preset=metadata.preset,
        joint_set=metadata.joint_set,
        input_px=input_px,
        grid=grid_cells(model.config, input_px),
        depth_range_mm=metadata.depth_range_mm,
        position=metadata.position,
        licence=metadata.licence,
        trained_on=metadata.trained_on,
    )


class TorchNetwork:
    """A network in PyTorch, to be used in place of :class:`~mobilehumanpose.runtime.PoseNetwork`.

    The pixels are scaled as the file says, so that the answers are those of the exported model up
    to the rounding of its weights.
    """

    def __init__(
        self, path: Path, *, input_px: int = INPUT_PX, device: str | torch.device | None = None
    ) -> None:
        """Load a network.

        Args:
            path: a ``.safetensors`` file, as training leaves it.
            input_px: side of the square crops.
            device: that it computes on; None takes the first GPU, or the processor where there
                is none.

        Raises:
            UserError: the file is absent or damaged, or does not fit its own description.
        """
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(device)
        model, metadata = load_checkpoint(path)
        self._model = model.to(self.device)
        self._mean = self._per_channel(metadata.mean)
        self._std = self._per_channel(metadata.std)
        self.description = describe(path.stem, model, metadata, input_px)
        self.skeleton = get_skeleton(metadata.joint_set)

    def _per_channel(self, values: tuple[float, float, float]) -> Tensor:
        return torch.tensor(values, device=self.device).reshape(1, 3, 1, 1)

    @torch.inference_mode()
    def __call__(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(N, P, P, 3) RGB crops → (N, J, 3) x, y, z in cells and (N, J) scores in 0…1."""
        cells, scores = [], []
        # On a processor small batches stay in its cache; a GPU takes what it is given.
        step = MAX_BATCH if self.device.type == "cpu" else max(len(crops), 1)
        for at in range(0, len(crops), step):
            pixels = torch.from_numpy(crops[at : at + step]).to(self.device)
            # Permuted pixels are channels-last, and all that follows is so too.
            scaled = (pixels.permute(0, 3, 1, 2).float() - self._mean) / self._std
            some_cells, some_scores = soft_argmax(
                self._model(scaled), self.skeleton.num_joints, self.description.position
            )
            cells.append(some_cells.cpu().numpy())
            scores.append(some_scores.cpu().numpy())
        return np.concatenate(cells), np.concatenate(scores)
