"""What thresholds of scores rest on: those with and without a person; and those of cuts.

    python benchmarks/tracking_scores.py --data ../shared/data [--model NAME_OR_FILE] [--people 150]

People are held-out photographs of LSP Extended, looked at in their labelled boxes. Nobody is in the
largest rectangles of the COCO samples that touch no labelled person; they are looked at once, and
searched as a whole picture is. For cuts, the shares of pixels that change their colour between any
two COCO samples are compared with those of a camera that turns by a tenth of the picture's width.
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mobilehumanpose.data.images import read_image
from mobilehumanpose.data.lspet import load_lspet, split
from mobilehumanpose.estimator import MIN_SIGHT_SCORE
from mobilehumanpose.media import load_photo
from mobilehumanpose.runtime import PoseNetwork
from mobilehumanpose.tracking import CUT_SHARE, FIND_SCORE, KEEP_SCORE, color_change, color_shares
from mobilehumanpose.views import View, find_person, look, look_upright
from mobilehumanpose.weights import DEFAULT_MODEL, model_path

PERCENTILES = (5, 10, 25, 50, 75, 90, 95)
#: Rectangles that are tried in each picture, and their shortest side.
TRIES = 300
MIN_SIDE_PX = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="lspet-train.*, samples/coco")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--people", type=int, default=150)
    arguments = parser.parse_args()

    network = PoseNetwork(model_path(arguments.model))
    rng = np.random.default_rng(0)
    coco = arguments.data / "samples" / "coco"
    (labels,) = (coco / "annotations").glob("*.json")
    document = json.loads(labels.read_text())
    photos = {
        image["id"]: load_photo(coco / "train2017" / image["file_name"])
        for image in document["images"]
    }
    boxes: dict[int, list[list[float]]] = {image_id: [] for image_id in photos}
    for person in document["annotations"]:
        boxes[person["image_id"]].append(person["bbox"])
    parts = [without_people(photo, boxes[i], rng) for i, photo in photos.items()]
    empty = [part for part in parts if part is not None]

    print("mean scores; percentiles", *PERCENTILES)
    print_row("a person, in the labelled box", people_scores(network, arguments, rng), KEEP_SCORE)
    squares = [View(np.array([0.0, 0, *[min(part.shape[:2])] * 2])) for part in empty]
    once = [look(network, part, [v])[0].score for part, v in zip(empty, squares, strict=True)]
    print_row("nobody, one look", once, KEEP_SCORE)
    searched = [find_person(network, part, seen_well=FIND_SCORE).score for part in empty]
    print_row("nobody, a search", searched, FIND_SCORE, MIN_SIGHT_SCORE)

    print("shares of pixels that change their colour; percentiles", *PERCENTILES)
    colors = [color_shares(photo) for photo in photos.values()]
    print_row("another picture", [color_change(*p) for p in combinations(colors, 2)], CUT_SHARE)
    turned = []
    for photo in photos.values():
        step = photo.shape[1] // 10
        turned.append(color_change(color_shares(photo[:, step:]), color_shares(photo[:, :-step])))
    print_row("the camera turns", turned, CUT_SHARE)


def people_scores(
    network: PoseNetwork, arguments: argparse.Namespace, rng: np.random.Generator
) -> list[float]:
    """Of labelled people of LSP Extended, looked at upright."""
    _, dataset = split(load_lspet(arguments.data))
    samples = dataset.samples
    scores = []
    for index in rng.choice(len(samples), arguments.people, replace=False):
        bgr = read_image(dataset.images, samples.image_name(index))
        photo = np.ascontiguousarray(bgr[..., ::-1])
        scores.append(look_upright(network, photo, [View(samples.boxes_xywh[index])])[0].score)
    return scores


def without_people(
    photo: NDArray[np.uint8], boxes: list[list[float]], rng: np.random.Generator
) -> NDArray[np.uint8] | None:
    """The largest of some random rectangles that no person's box touches."""
    height, width = photo.shape[:2]
    best, best_area = None, 0
    for _ in range(TRIES):
        w, h = rng.integers(MIN_SIDE_PX, 400, 2)
        if w >= width or h >= height:
            continue
        x, y = rng.integers(0, width - w), rng.integers(0, height - h)
        is_free = all(
            x + w < left or left + wide < x or y + h < top or top + high < y
            for left, top, wide, high in boxes
        )
        if is_free and w * h > best_area:
            best, best_area = np.ascontiguousarray(photo[y : y + h, x : x + w]), w * h
    return best


def print_row(name: str, values: list[float], *thresholds: float) -> None:
    """The percentiles, and how many values lie below thresholds."""
    shown = " ".join(f"{value:.2f}" for value in np.percentile(values, PERCENTILES))
    below = ", ".join(f"{np.mean(np.array(values) < t):.0%} below {t}" for t in thresholds)
    print(f"  {name:<30} {shown}   of {len(values)} {below}")


if __name__ == "__main__":
    main()
