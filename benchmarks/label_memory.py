"""Memory that labels take: arrays, this process with them, and the most while they are read.

    python benchmarks/label_memory.py [--people 100000] [--joints 18]

Made-up 3D labels in COCO's format, one person a picture, names as long as Human3.6M's, are written
to a temporary folder and read in a process of their own, as training reads them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
from pathlib import Path

import numpy as np

from mobilehumanpose.data.coco_format import load_coco_format

TOML = """name = "made-up"
annotations = "labels.json"
images = "images"
root = "Joint0"
keypoints_cam = "keypoints_cam"
focal = "f"
center = "c"
edges = []
flip_pairs = []
"""


def write_labels(folder: Path, num_people: int, num_joints: int) -> int:
    """Write a set; bytes of its JSON file."""
    rng = np.random.default_rng(0)
    names = json.dumps([f"Joint{joint}" for joint in range(num_joints)])
    (folder / "labels.toml").write_text(f"{TOML}joints = {names}\n")
    with (folder / "labels.json").open("w") as file:
        file.write('{"images": [')
        for i in range(num_people):
            name = f"s_01_act_02_subact_01_ca_01/s_01_act_02_subact_01_ca_01_{i:06}.jpg"
            image = {"id": i, "file_name": name, "width": 1000, "height": 1002}
            image |= {"f": [1145.5, 1144.8], "c": [514.9, 501.9]}
            file.write(("," if i else "") + json.dumps(image))
        file.write('], "annotations": [')
        for i in range(num_people):
            px = rng.uniform(300, 700, (num_joints, 2)).round(4)
            mm = (rng.normal(size=(num_joints, 3)) * 300 + (0, 0, 5000)).round(4)
            keypoints = np.column_stack([px, np.full(num_joints, 2)]).ravel().tolist()
            row = {"id": i, "image_id": i, "bbox": [300, 300, 400, 400], "keypoints": keypoints}
            file.write(("," if i else "") + json.dumps(row | {"keypoints_cam": mm.tolist()}))
        file.write("]}")
    return (folder / "labels.json").stat().st_size


def resident_bytes() -> int:
    """Of this process, now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def measure(folder: Path) -> tuple[int, int, int]:
    """Bytes of the arrays, of the process with them, and at most while they were read."""
    before = resident_bytes()
    dataset = load_coco_format(folder / "labels.toml")
    kept = resident_bytes() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    return dataset.samples.nbytes, kept, peak


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--joints", type=int, default=18)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        num_bytes = write_labels(Path(name), arguments.people, arguments.joints)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            arrays, kept, peak = pool.apply(measure, (Path(name),))
    print(f"{arguments.people:,} people of {arguments.joints} joints; GB for each million of them:")
    per_million = 1e6 / arguments.people / 1e9
    for label, count in (
        ("the arrays", arrays),
        ("the process once they are read", kept),
        ("the process at most, while it reads", peak),
        ("the JSON file", num_bytes),
    ):
        print(f"  {label:<36}{count * per_million:5.2f}")


if __name__ == "__main__":
    main()
