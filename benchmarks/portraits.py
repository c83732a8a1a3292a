"""What is seen in portraits, and how sure a model is of legs that a portrait does not show.

    python benchmarks/portraits.py --data ../shared/data [--model NAME_OR_FILE …]

Portraits are made of people who stand, within 30°, in COCO's sample photographs and in the held-out
ones of LSP Extended: the photograph is cut off around the person, below the chest or at the hips.
Each is searched without a box as ``PoseEstimator`` does, closely and quick. Reported are

* the share of portraits in which somebody is found, in a photograph and by a video's threshold;
* PCK@0.2 of the torso over the arms' joints that the portrait shows, of all portraits;
* of the knees and ankles that the label puts beyond the picture's lower edge, the share whose score
  is 0.5 or more: overlays draw those as sure.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from peers import HIPS, SHOULDERS, Person, coco_people, lean_degrees, lspet_people
from rich.console import Console
from rich.table import Table

from mobilehumanpose.close_look import look_closely
from mobilehumanpose.estimator import MIN_SIGHT_SCORE
from mobilehumanpose.runtime import PoseNetwork
from mobilehumanpose.skeleton import LIMB_JOINTS
from mobilehumanpose.tracking import FIND_SCORE
from mobilehumanpose.views import find_person
from mobilehumanpose.weights import DEFAULT_MODEL, model_path

MAX_LEAN_DEGREES = 30.0
#: Shorter torsos are too small to make a portrait of.
MIN_TORSO_PX = 50.0
#: Where a portrait ends, in torso lengths below the shoulders, and how much it shows around.
CUTS = {"chest": 0.6, "hips": 1.0}
AROUND_TORSOS = 0.75
#: A score from which on an overlay draws a joint as sure.
SURE = 0.5
ARMS = [i for i, name in enumerate(LIMB_JOINTS) if name.endswith(("Shoulder", "Elbow", "Wrist"))]
LEGS = [i for i, name in enumerate(LIMB_JOINTS) if name.endswith(("Knee", "Ankle"))]


class Portrait(NamedTuple):
    """A part of a photograph.

    Attributes:
        photo: (H, W, 3) RGB.
        limbs_px: (12, 2) the labels in it.
        shown: (12,) which labelled joints it shows.
        below: (12,) which labelled joints lie below it.
        torso_px: the person's.
    """

    photo: NDArray[np.uint8]
    limbs_px: NDArray[np.floating]
    shown: NDArray[np.bool_]
    below: NDArray[np.bool_]
    torso_px: float


def portraits(person: Person) -> Iterator[Portrait]:
    """Those that can be made of a person."""
    torso_px = person.torso_px()
    if not torso_px >= MIN_TORSO_PX:
        return
    if abs(lean_degrees(person.limbs_px, person.known)) > MAX_LEAN_DEGREES:
        return
    shoulders_y = person.limbs_px[SHOULDERS, 1].mean()
    hips_y = person.limbs_px[HIPS, 1].mean()
    height, width = person.photo.shape[:2]
    for share in CUTS.values():
        bottom = round(min(shoulders_y + share * (hips_y - shoulders_y), height))
        above = person.known & (person.limbs_px[:, 1] < bottom)
        below = person.known & ~above
        if not below[LEGS].any():
            continue
        low = person.limbs_px[above].min(axis=0) - AROUND_TORSOS * torso_px
        high = person.limbs_px[above].max(axis=0) + AROUND_TORSOS * torso_px
        left, top = np.maximum(np.floor(low), 0).astype(int).tolist()
        right = min(int(np.ceil(high[0])), width)
        yield Portrait(
            photo=np.ascontiguousarray(person.photo[top:bottom, left:right]),
            limbs_px=person.limbs_px - (left, top),
            shown=above,
            below=below,
            torso_px=torso_px,
        )


def measure(network: PoseNetwork, made: list[Portrait]) -> dict[str, list[str]]:
    """The figures of a model: closely, and quick."""
    limbs = network.skeleton.indices(LIMB_JOINTS)
    sights = [find_person(network, portrait.photo) for portrait in made]
    closer = [look_closely(network, p.photo, [s])[0] for p, s in zip(made, sights, strict=True)]
    scores = np.array([sight.score for sight in sights])
    found = ", ".join(f"{np.mean(scores >= least):.0%}" for least in (MIN_SIGHT_SCORE, FIND_SCORE))
    figures = {}
    for looks, seen in (("ten views", closer), ("quick", sights)):
        arms_right, legs_sure = [], []
        for portrait, sight in zip(made, seen, strict=True):
            off_px = np.linalg.norm(sight.keypoints_px[limbs] - portrait.limbs_px, axis=1)
            arms_right += (off_px[ARMS] < 0.2 * portrait.torso_px)[portrait.shown[ARMS]].tolist()
            legs_sure += (sight.scores[limbs][LEGS] >= SURE)[portrait.below[LEGS]].tolist()
        figures[looks] = [
            found,
            f"{np.mean(arms_right):.3f} of {len(arms_right)}",
            f"{np.mean(legs_sure):.1%} of {len(legs_sure)}",
        ]
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="lspet-train.*, samples/coco")
    parser.add_argument("--model", nargs="+", default=[DEFAULT_MODEL])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="portraits, 2 for every second")
    arguments = parser.parse_args()
    table = Table()
    for heading in ("model", "portraits", "looks", "found", "arms right", "legs sure"):
        table.add_column(heading)
    for name, people in (("COCO", coco_people), ("LSP Extended", lspet_people)):
        made = [p for person in people(arguments.data) for p in portraits(person)]
        made = made[:: arguments.every]
        for model in arguments.model:
            network = PoseNetwork(model_path(model), num_threads=arguments.threads)
            for looks, figures in measure(network, made).items():
                table.add_row(Path(model).stem, f"{len(made)}, {name}", looks, *figures)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
