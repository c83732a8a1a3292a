"""Networks of a preset with weights drawn at random, to be timed: weights don't change the time.

Needs torch and what an export needs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import UserError
from ..export import onnx_target
from ..export.source import Source
from ..export.targets import Job
from ..models.checkpoint import CheckpointMetadata
from ..models.network import INPUT_PX
from ..models.presets import build, grid_cells

JOINT_SETS = {18: "human36m-18", 21: "muco-21"}
#: Slopes that training may leave: some negative, and none above 1, which takes one operator more.
SLOPES = (-0.3, 0.9)
MEAN, STD = (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)


def drawn_source(preset: str, activation: str | None, *, steepest: float = SLOPES[1]) -> Source:
    """A network that answers with places spread over its grid, from a fixed seed.

    Args:
        preset: a key of ``PRESETS``.
        activation: ``"prelu"`` or ``"relu6"``; the preset's own when None.
        steepest: bound of the slopes of PReLU.

    Raises:
        UserError: there is no such activation.
    """
    if activation not in (None, "prelu", "relu6"):
        raise UserError(f"{preset}:{activation}: prelu and relu6 are possible")
    torch.manual_seed(0)
    model = build(preset, activation=activation)  # type: ignore[arg-type]
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.PReLU):
                module.weight.uniform_(SLOPES[0], steepest)
        model.final_layer.weight.normal_(std=0.1)
        model.train()
        for _ in range(2):  # statistics, so that signals keep their size
            model(torch.randn(2, 3, 64, 64))
    metadata = CheckpointMetadata(
        preset=preset,
        activation=getattr(model.config, "activation", "relu6"),
        joint_set=JOINT_SETS[model.config.num_joints],
        mean=MEAN,
        std=STD,
        licence="random weights",
        trained_on="nothing",
    )
    return Source(
        network=model.eval(),
        metadata=metadata,
        input_px=INPUT_PX,
        grid=grid_cells(model.config, INPUT_PX),
    )


def write_fresh(
    path: Path, preset: str, activation: str | None, *, calibration: NDArray[np.uint8] | None = None
) -> None:
    """Write such a network as ``mhp export`` would.

    Args:
        path: of the ``.onnx`` file.
        preset: a key of ``PRESETS``.
        activation: as for :func:`drawn_source`.
        calibration: (N, P, P, 3) crops to quantise it on, in int8; without them it is not.

    Raises:
        UserError: there is no such activation.
    """
    job = Job(
        source=drawn_source(preset, activation),
        name=path.stem,
        path=path,
        precision="float16" if calibration is None else "int8",
        with_head=True,
        calibration=calibration,
    )
    onnx_target.convert(job)
