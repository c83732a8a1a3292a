"""Accuracy of a model file on the validation tenth of LSP Extended, through the runtime.

    python benchmarks/photo_accuracy.py --data ../shared/data [--model lpski-lite0-lspet] [--write]

Every photograph whose number ends in 0 is cropped around its labelled joints as in training, and
goes through the very file that ships. Reported are PCK@0.2 of the torso's length (mid-shoulders to
mid-hips) over the 12 limb joints of people whose shoulders and hips are all labelled, and the mean
distance in depth to BlazePose GHUM heavy, the teacher, which is no truth. ``--write`` puts the
figures into the model's facts, which ``mhp models`` shows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from mobilehumanpose.data.crops import cut_crop
from mobilehumanpose.data.lspet import load_lspet, split, torso_length_px
from mobilehumanpose.data.samples import PoseDataset
from mobilehumanpose.decode import cells_to_photo
from mobilehumanpose.evaluate.metrics import pck
from mobilehumanpose.geometry import crop_affine
from mobilehumanpose.media import write_file
from mobilehumanpose.runtime import PoseNetwork
from mobilehumanpose.skeleton import LIMB_JOINTS, MUCO_21
from mobilehumanpose.weights import DEFAULT_MODEL, model_path


def predict(
    network: PoseNetwork, dataset: PoseDataset
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 21, 2) px, (N, 21) depth in mm and (N, 21) scores for the labelled boxes."""
    description, samples = network.description, dataset.samples
    found_px, found_depth_mm, found_scores = [], [], []
    for index in range(len(samples)):
        affine = crop_affine(samples.boxes_xywh[index], description.input_px)
        name = samples.image_name(index)
        crop = cut_crop(dataset.images, name, affine, description.input_px, may_shrink=False)
        cells, scores = network(crop[None])
        keypoints_px, depth_mm = cells_to_photo(
            cells[0].astype(np.float64),
            affine,
            grid=description.grid,
            crop_px=description.input_px,
            depth_range_mm=description.depth_range_mm,
        )
        found_px.append(keypoints_px)
        found_depth_mm.append(depth_mm)
        found_scores.append(scores[0])
    return np.stack(found_px), np.stack(found_depth_mm), np.stack(found_scores)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with lspet-train.*")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--write", action="store_true", help="into the bundled model's facts")
    arguments = parser.parse_args()

    _, dataset = split(load_lspet(arguments.data))
    samples = dataset.samples
    path = model_path(arguments.model)
    keypoints_px, depth_mm, scores = predict(PoseNetwork(path), dataset)

    limbs = MUCO_21.indices(LIMB_JOINTS)
    torso_px = torso_length_px(samples.keypoints_px, samples.has_px)
    has_depth = samples.has_depth[:, limbs]
    measured = {
        "LSPET PCK@0.2": round(
            pck(
                keypoints_px[:, limbs],
                samples.keypoints_px[:, limbs],
                samples.has_px[:, limbs],
                torso_px,
            ),
            3,
        ),
        "LSPET depth to teacher, mm": round(
            float(np.abs(depth_mm - samples.depth_mm)[:, limbs][has_depth].mean()), 1
        ),
    }
    print(f"{path.name}: {len(samples)} photographs, {np.isfinite(torso_px).sum()} with a torso")
    for name, value in measured.items():
        print(f"  {name}: {value}")
    distance = np.linalg.norm(keypoints_px - samples.keypoints_px, axis=-1) / torso_px[:, None]
    usable = samples.has_px[:, limbs] & np.isfinite(torso_px)[:, None]
    print("  share of limb joints within 0.2 torso, by score:")
    for low in np.arange(0, 1, 0.2):
        chosen = usable & (scores[:, limbs] >= low) & (scores[:, limbs] < low + 0.2001)
        share = (distance[:, limbs] < 0.2)[chosen].mean() if chosen.any() else float("nan")
        print(f"    {low:.1f}–{low + 0.2:.1f}: {share:.2f} of {chosen.sum()}")
    if arguments.write:
        facts = path.with_suffix(".json")
        content = json.loads(facts.read_text()) if facts.exists() else {}
        content["measured"] = measured
        write_file(facts, (json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
