"""Time from crop to joints, on one core and on all, and of the steps around the network.

    python benchmarks/speed.py [--model NAME] [--photo FILE] [--rounds 50]

The steps take turns within each round, so that a busy machine slows them alike; medians and
quartiles are printed.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mobilehumanpose.decode import cells_to_photo, place_in_camera
from mobilehumanpose.geometry import Camera, crop_affine, warp_crop
from mobilehumanpose.media import load_photo
from mobilehumanpose.runtime import PoseNetwork
from mobilehumanpose.weights import DEFAULT_MODEL, model_path

ASTRONAUT = Path(__file__).parents[1] / "examples" / "astronaut.jpg"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--photo", type=Path, default=ASTRONAUT)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()

    photo = load_photo(arguments.photo)
    path = model_path(arguments.model)
    one_core, all_cores = PoseNetwork(path, num_threads=1), PoseNetwork(path)
    description = one_core.description
    side = description.input_px
    size = (photo.shape[1], photo.shape[0])
    camera = Camera.from_fov(55, size)
    affine = crop_affine(np.array([0.0, 0, max(size), max(size)]), side)
    crop = warp_crop(photo, affine, side)[None]
    cells, scores = one_core(crop)

    def decode() -> None:
        keypoints_px, depth_mm = cells_to_photo(
            cells[0].astype(np.float64),
            affine,
            grid=description.grid,
            crop_px=side,
            depth_range_mm=description.depth_range_mm,
        )
        depth_mm = depth_mm - depth_mm[one_core.skeleton.root]
        place_in_camera(
            keypoints_px, depth_mm, scores[0], skeleton=one_core.skeleton, camera=camera
        )

    steps: dict[str, Callable[[], object]] = {
        "crop": lambda: warp_crop(photo, affine, side),
        "network, 1 thread": lambda: one_core(crop),
        f"network, {os.cpu_count()} threads": lambda: all_cores(crop),
        "decode and place": decode,
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for round_number in range(arguments.rounds + 3):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            if round_number >= 3:  # the first are warm-up
                times[name].append((time.perf_counter() - started) * 1000)
    print(f"{path.name}, {side} px, {arguments.rounds} rounds: median (quartiles) in ms")
    for name, values in times.items():
        low, median, high = np.percentile(values, [25, 50, 75])
        print(f"  {name:<20} {median:6.2f} ({low:.2f}–{high:.2f})")


if __name__ == "__main__":
    main()
