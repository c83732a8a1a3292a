"""What the network is shown of a photograph, and how to find the view that shows a person best.

A view is a square of the photo, perhaps turned. The network's own scores say which of two views of
the same person shows more, so every further look is kept only if it sees no less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .decode import cells_to_photo
from .geometry import crop_affine, process_bbox, tight_box, warp_crop
from .runtime import PoseNetwork
from .upright import torso_lean_degrees, turned_square

FloatArray = NDArray[np.floating]

#: So many of the squares that are searched are looked into further. Where a person is small, or
#: lies, the surest first look is often of something else.
MAX_CANDIDATES = 3
#: Who is seen with this mean score is not looked for in smaller squares.
SEEN_WELL = 0.5
#: At most so many of the smaller squares fit side by side.
SMALL_PER_LONGER = 6
#: How often a found pose gives the square for another look, when nobody gave a box.
MAX_REFINEMENTS = 3
#: A portrait ends at the chest. Its body is looked for in squares this much larger than the
#: picture, with the head near their top: networks know whole people better than giants.
PORTRAIT_SCALES = (1.5, 2.0, 2.5)
PORTRAIT_TOP = 0.08
#: A square that overlaps its predecessor by this much has settled.
SETTLED_IOU = 0.9
#: Joints below this score do not decide where the person is.
BOX_MIN_SCORE = 0.3
#: The joints around which a square is drawn, at least; fewer sure ones are no person's extent.
BOX_MIN_JOINTS = 4
#: People who lean by less in their view are shown upright enough.
MAX_LEAN_DEGREES = 20.0


class View(NamedTuple):
    """A square of a photo.

    Attributes:
        square_xywh: (4,) px; may reach beyond the photo.
        lean_degrees: how far the square is turned about its centre, clockwise as seen; what leans
            by so much stands upright in it.
        is_mirrored: whether the network is shown its mirror image. What it says is told of the
            photo as it is, left and right too.
    """

    square_xywh: FloatArray
    lean_degrees: float = 0.0
    is_mirrored: bool = False


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What the network sees in a view.

    Attributes:
        view: that it was shown.
        keypoints_px: (J, 2) in the photo.
        depth_mm: (J,) behind the root.
        scores: (J,) 0…1.
    """

    view: View
    keypoints_px: FloatArray
    depth_mm: FloatArray
    scores: FloatArray

    @property
    def score(self) -> float:
        """The mean of the joints' scores."""
        return float(self.scores.mean())


def view_affine(view: View, crop_px: int) -> FloatArray:
    """The (2, 3) affine map from the photo's pixels to those of the view as a square crop."""
    # Who leans to the right leans to the left in the mirror.
    turn = -view.lean_degrees if view.is_mirrored else view.lean_degrees
    return crop_affine(view.square_xywh, crop_px, rotation_degrees=turn, flip=view.is_mirrored)


def look(network: PoseNetwork, photo: NDArray[np.uint8], views: Sequence[View]) -> list[Sight]:
    """What is seen in each view of (H, W, 3) RGB."""
    if not views:
        return []
    description = network.description
    side = description.input_px
    affines = [view_affine(view, side) for view in views]
    cells, scores = network(np.stack([warp_crop(photo, affine, side) for affine in affines]))
    sights = []
    for i, (view, affine) in enumerate(zip(views, affines, strict=True)):
        keypoints_px, depth_mm = cells_to_photo(
            cells[i].astype(np.float64),
            affine,
            grid=description.grid,
            crop_px=side,
            depth_range_mm=description.depth_range_mm,
        )
        seen = Sight(
            view=view,
            keypoints_px=keypoints_px,
            depth_mm=depth_mm,
            scores=scores[i].astype(np.float64),
        )
        sights.append(_unmirrored(seen, network) if view.is_mirrored else seen)
    return sights


def _unmirrored(sight: Sight, network: PoseNetwork) -> Sight:
    """Left and right as they are: the network named them by what the mirror showed."""
    joints = network.skeleton.flip_permutation
    return replace(
        sight,
        keypoints_px=sight.keypoints_px[joints],
        depth_mm=sight.depth_mm[joints],
        scores=sight.scores[joints],
    )


def look_upright(
    network: PoseNetwork, photo: NDArray[np.uint8], views: Sequence[View]
) -> list[Sight]:
    """What is seen in each view, turned so that the person stands in it where that shows more.

    The network knows people best who stand, but sees roughly how others lean.
    """
    return _turn_upright(network, photo, look(network, photo, views))


def _turn_upright(
    network: PoseNetwork, photo: NDArray[np.uint8], sights: list[Sight]
) -> list[Sight]:
    sights = list(sights)
    leaning = {i: view for i, sight in enumerate(sights) if (view := _turned(network, sight))}
    for i, closer in zip(leaning, look(network, photo, list(leaning.values())), strict=True):
        if closer.score >= sights[i].score:
            sights[i] = closer
    return sights


def _turned(network: PoseNetwork, sight: Sight) -> View | None:
    """The same square, turned as the person leans; None if it is turned so already."""
    known = np.ones(network.skeleton.num_joints, bool)
    lean = torso_lean_degrees(sight.keypoints_px, known, network.skeleton)
    if lean is None:
        return None
    off = (lean - sight.view.lean_degrees + 180) % 360 - 180
    return View(sight.view.square_xywh, lean) if abs(off) > MAX_LEAN_DEGREES else None


def find_person(
    network: PoseNetwork, photo: NDArray[np.uint8], *, seen_well: float = SEEN_WELL
) -> Sight:
    """The one person of a photo: in all of it first, then again around what was found.

    Args:
        network: the network.
        photo: (H, W, 3) RGB.
        seen_well: unless somebody is seen with this mean score, whoever is small in the photo is
            looked for in smaller squares too, which takes three times as long.
    """
    size = (photo.shape[1], photo.shape[0])
    sight = _search(network, photo, search_squares(size))
    if sight.score < seen_well:
        sight = max(sight, _search(network, photo, small_squares(size)), key=_score)
    return sight


def _search(network: PoseNetwork, photo: NDArray[np.uint8], squares: list[FloatArray]) -> Sight:
    """The one person who is seen best around what is found in some of the squares."""
    first = sorted(look(network, photo, [View(square) for square in squares]), key=_score)
    found = _turn_upright(network, photo, first[-MAX_CANDIDATES:])
    return max((_approach(network, photo, sight) for sight in found), key=_score)


def _score(sight: Sight) -> float:
    return sight.score


def _approach(network: PoseNetwork, photo: NDArray[np.uint8], sight: Sight) -> Sight:
    """Who was found, looked at again around where that was until it settles."""
    for _ in range(MAX_REFINEMENTS):
        sure = sight.scores >= BOX_MIN_SCORE
        if sure.sum() < BOX_MIN_JOINTS:
            break
        size = (photo.shape[1], photo.shape[0])
        tighter = _square_around(sight.keypoints_px[sure], sight.view.lean_degrees, size)
        if tighter is None or square_overlap(sight.view.square_xywh, tighter) > SETTLED_IOU:
            break
        (closer,) = look_upright(network, photo, [View(tighter, sight.view.lean_degrees)])
        if closer.score < sight.score:
            break  # a closer look that sees less cut something off
        sight = closer
    return sight


def _square_around(
    points_px: FloatArray, lean_degrees: float, size: tuple[int, int]
) -> FloatArray | None:
    if lean_degrees:
        return turned_square(points_px, lean_degrees)
    return process_bbox(tight_box(points_px), size)


def search_squares(size: tuple[int, int]) -> list[FloatArray]:
    """Squares to look for a person in, for a photo of (width, height).

    One around the whole picture, up to three of its shorter side, and some that reach far below
    the picture, for portraits.
    """
    longer, shorter = max(size), min(size)
    whole = np.array([(size[0] - longer) / 2, (size[1] - longer) / 2, longer, longer])
    offsets = np.linspace(0, longer - shorter, 3 if longer > 1.2 * shorter else 1)
    along_x = size[0] >= size[1]
    squares = [
        np.array([o if along_x else 0.0, 0.0 if along_x else o, shorter, shorter]) for o in offsets
    ]
    portraits = [
        np.array([(size[0] - side) / 2, -PORTRAIT_TOP * side, side, side])
        for side in longer * np.array(PORTRAIT_SCALES)
    ]
    return [whole, *squares, *portraits]


def small_squares(size: tuple[int, int]) -> list[FloatArray]:
    """Smaller squares to look for a person in, for a photo of (width, height).

    All over the picture, half as large as its shorter side, or as a strip needs, and overlapping
    by half.
    """
    side = max(min(size) / 2, max(size) / SMALL_PER_LONGER)
    along_x, along_y = (_steps(length, side) for length in size)
    return [np.array([x, y, side, side]) for y in along_y for x in along_x]


def _steps(length: float, side: float) -> FloatArray:
    """Where squares begin that cover a length and overlap by half or more; one is centred."""
    if length <= side:
        return np.array([(length - side) / 2])
    return np.linspace(0, length - side, 1 + math.ceil((length - side) / (side / 2)))


def square_overlap(first: FloatArray, second: FloatArray) -> float:
    """Overlap of two xywh boxes: intersection over union."""
    low = np.maximum(first[:2], second[:2])
    high = np.minimum(first[:2] + first[2:], second[:2] + second[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    union = float(np.prod(first[2:]) + np.prod(second[2:])) - shared
    return shared / union if union > 0 else 0.0
