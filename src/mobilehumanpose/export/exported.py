"""An exported file, used as an app would use it by what lies beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..decode import decode_heatmaps
from ..runtime import ModelDescription
from ..skeleton import get_skeleton
from .sidecar import InputSpec, Interface
from .targets import Runner


class ExportedNetwork:
    """Crops in, cells and scores out, as from a :class:`~mobilehumanpose.runtime.PoseNetwork`."""

    def __init__(self, runner: Runner, interface: Interface, description: ModelDescription) -> None:
        self._runner = runner
        self._interface = interface
        self.description = description
        self.skeleton = get_skeleton(description.joint_set)

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(N, P, P, 3) RGB crops → (N, J, 3) x, y, z in cells and (N, J) scores in 0…1."""
        parts = [self._one(crop) for crop in crops]
        cells, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return cells, scores

    def _one(self, crop: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        outputs = [
            np.asarray(values, np.float32).reshape(spec.shape)
            for values, spec in zip(
                self._runner(network_input(crop, self._interface.input)),
                self._interface.outputs,
                strict=True,
            )
        ]
        if self._interface.has_head:
            cells, scores = outputs
            return cells, scores
        return decode_heatmaps(outputs[0], self.skeleton.num_joints, self.description.position)


def network_input(crop: NDArray[np.uint8], spec: InputSpec) -> NDArray:
    """One (P, P, 3) RGB crop as a file takes it."""
    pixels: NDArray = crop[None]
    if spec.dtype == "float32":
        mean, std = np.array(spec.mean, np.float32), np.array(spec.std, np.float32)
        pixels = (pixels.astype(np.float32) - mean) / std
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2) if spec.layout == "NCHW" else pixels)
