"""Measure every preset and write the numbers where the runtime finds them without torch.

python -m mobilehumanpose.models.facts
"""

from __future__ import annotations

import json

from ..media import write_file
from ..weights.catalogue import NETWORKS_FILE
from .presets import PRESETS, build, count_macs, count_parameters, grid_cells

INPUT_PX = 256


def network_facts(preset: str) -> dict[str, object]:
    """Joints, input, grid, parameters and multiply-accumulates of a preset."""
    model = build(preset)
    return {
        "preset": preset,
        "num_joints": model.config.num_joints,
        "input_px": INPUT_PX,
        "grid": grid_cells(model.config, INPUT_PX)[0],
        "parameters": count_parameters(model),
        "macs": count_macs(model, INPUT_PX),
    }


if __name__ == "__main__":
    facts = [network_facts(preset) for preset in PRESETS]
    write_file(NETWORKS_FILE, (json.dumps(facts, indent=1) + "\n").encode())
