"""How well people are found without a box, however small they are in their pictures.

    python benchmarks/search_accuracy.py --data ../shared/data [--model NAME_OR_FILE] [--every 6]

Of the held-out photographs of LSP Extended whose shoulders and hips are labelled, every sixth is
searched as ``PoseEstimator(closely=False)`` searches it: as it is, and at a random place of a
picture whose sides are 2.5 and 4 times as long, which goes on with the colours of its edges. A
joint is right within 0.2 torso lengths of its label.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mobilehumanpose.data.images import read_image
from mobilehumanpose.data.lspet import load_lspet, split
from mobilehumanpose.estimator import MIN_SIGHT_SCORE
from mobilehumanpose.evaluate.metrics import pck
from mobilehumanpose.runtime import PoseNetwork
from mobilehumanpose.skeleton import LIMB_JOINTS
from mobilehumanpose.tracking import FIND_SCORE
from mobilehumanpose.views import SEEN_WELL, find_person
from mobilehumanpose.weights import DEFAULT_MODEL, model_path

SCALES = (1.0, 2.5, 4.0)
PERCENTILES = (5, 10, 25, 50)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with lspet-train.*")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument(
        "--seen-well", type=float, default=SEEN_WELL, help=f"{FIND_SCORE} as videos are searched"
    )
    parser.add_argument("--every", type=int, default=6, help="photographs, 1 for all")
    arguments = parser.parse_args()

    network = PoseNetwork(model_path(arguments.model))
    _, dataset = split(load_lspet(arguments.data))
    samples, index = dataset.samples, network.skeleton.indices
    limbs = index(LIMB_JOINTS)
    shoulders, hips = index(["L_Shoulder", "R_Shoulder"]), index(["L_Hip", "R_Hip"])
    has_torso = samples.has_px[:, [*shoulders, *hips]].all(axis=1)
    chosen = np.flatnonzero(has_torso)[:: arguments.every]
    for scale in SCALES:
        rng = np.random.default_rng(0)
        seen_px, truth_px, scores = [], [], []
        for i in chosen:
            bgr = read_image(dataset.images, samples.image_name(i))
            photo, offset_px = surrounded(np.ascontiguousarray(bgr[..., ::-1]), scale, rng)
            sight = find_person(network, photo, seen_well=arguments.seen_well)
            seen_px.append(sight.keypoints_px)
            truth_px.append(samples.keypoints_px[i] + offset_px)
            scores.append(sight.score)
        seen, truth = np.stack(seen_px), np.stack(truth_px)
        torsos_px = truth[:, shoulders].mean(axis=1) - truth[:, hips].mean(axis=1)
        right = pck(
            seen[:, limbs],
            truth[:, limbs],
            samples.has_px[chosen][:, limbs],
            np.linalg.norm(torsos_px, axis=1),
        )
        found = ", ".join(
            f"{np.mean(np.array(scores) >= least):.0%} scored {least} or more"
            for least in (MIN_SIGHT_SCORE, FIND_SCORE)
        )
        low = " ".join(f"{score:.2f}" for score in np.percentile(scores, PERCENTILES))
        print(
            f"{len(chosen)} pictures of {scale:g} times the sides: "
            f"PCK@0.2 {right:.3f}, {found}; "
            f"scores' percentiles {PERCENTILES}: {low}"
        )


def surrounded(
    photo: NDArray[np.uint8], scale: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.floating]]:
    """The photograph in a picture of ``scale`` times its sides, and where its corner lies there."""
    height, width = photo.shape[:2]
    more_x, more_y = round((scale - 1) * width), round((scale - 1) * height)
    left, top = rng.integers(more_x + 1), rng.integers(more_y + 1)
    picture = cv2.copyMakeBorder(
        photo, top, more_y - top, left, more_x - left, cv2.BORDER_REPLICATE
    )
    return picture, np.array([left, top], float)  # type: ignore[return-value]


if __name__ == "__main__":
    main()
