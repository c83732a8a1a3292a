"""One person over the frames of a video.

The next view is placed by the joints of the last pose, as MediaPipe's pose pipeline does it
(Bazarevsky et al. 2020), so that a frame costs one look of the network instead of a search.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .runtime import PoseNetwork
from .skeleton import Skeleton
from .upright import torso_lean_degrees, turned_square
from .video import Frame
from .views import (
    MAX_LEAN_DEGREES,
    Sight,
    View,
    find_person,
    look,
    square_overlap,
)

FloatArray = NDArray[np.floating]

#: A person is lost whose mean score falls below this, and found from the other on. Finding takes
#: more: it is the best of many looks. Both are of the bundled models, and CUT_SHARE is of pictures:
#: measured by benchmarks/tracking_scores.py.
KEEP_SCORE = 0.3
FIND_SCORE = 0.47
#: Nobody is looked for more often: a search costs as much as 20 to 50 frames.
SEARCH_INTERVAL_S = 0.5
#: Who is found again within this time, in a square that overlaps the last by this much, is the
#: same person.
MEMORY_S = 1.0
MEMORY_IOU = 0.2
#: Joints that lie within this are no person's extent.
MIN_SIDE_PX = 8.0
#: Frames that are looked at side by side: two looks of one thread each are done in much less time
#: than one after the other on two threads. So the view of a frame comes from the pose so many
#: frames before, on every machine alike.
LOOKS_AT_ONCE = 2
#: The film is cut where this share of the pixels changes its colour.
CUT_SHARE = 0.25


class Tracked(NamedTuple):
    """A frame, and who was seen in it.

    Attributes:
        frame: the frame.
        sight: None where nobody was seen.
        track_id: who it is: 0 for the first, then a new number for each other person.
    """

    frame: Frame
    sight: Sight | None
    track_id: int


def follow_person(
    network: PoseNetwork, frames: Iterable[Frame], *, num_workers: int = LOOKS_AT_ONCE
) -> Generator[Tracked, None, None]:
    """Every frame, with the one person in it, in order.

    Args:
        network: called from several threads at once.
        frames: (H, W, 3) RGB and rising times.
        num_workers: threads that look; the answer does not depend on it.
    """
    person = _Person(network)
    going: deque[tuple[Frame, View, Future[list[Sight]]]] = deque()

    def finish(count: int) -> Iterator[Tracked]:
        while len(going) > count:
            frame, view, future = going.popleft()
            (sight,) = future.result()
            yield person.meet(frame, view, sight)

    pool = ThreadPoolExecutor(num_workers, thread_name_prefix="look")
    try:
        colors = None
        for frame in frames:
            before, colors = colors, color_shares(frame.image_rgb)
            if before is not None and color_change(before, colors) > CUT_SHARE:
                yield from finish(0)
                person.forget()
            yield from finish(LOOKS_AT_ONCE - 1)
            if person.view is None:
                yield from finish(0)  # somebody may be found there
            if person.view is None:
                yield person.search(frame)
            else:
                future = pool.submit(look, network, frame.image_rgb, [person.view])
                going.append((frame, person.view, future))
        yield from finish(0)
    finally:
        pool.shutdown(cancel_futures=True)


class Framing(NamedTuple):
    """How a view lies about the square around the joints that are seen in it.

    Attributes:
        scale: the view's side by that of the square.
        offset: (2,) from the square's centre to the view's, in sides of the square, along the
            view's own axes.
    """

    scale: float
    offset: FloatArray


#: People are followed in views that end where they do. The scores would rather have them smaller,
#: but joints are nearer to the truth so.
TIGHT = Framing(1.0, np.zeros(2))


def framing_of(sight: Sight, size: tuple[int, int]) -> Framing:
    """How to go on looking at what was found in a picture of (width, height).

    ``TIGHT``, but for a portrait: what was found in a view larger than the picture is understood
    in such a view only. In a tight one collar and chest would be taken for a whole body, and the
    view would shrink with every frame.
    """
    around = _square_around(sight, sight.view.lean_degrees)
    view = sight.view.square_xywh
    if around is None or view[2] <= max(size):
        return TIGHT
    shift = view[:2] + view[2:] / 2 - around[:2] - around[2:] / 2
    return Framing(float(view[2] / around[2]), _axes(sight.view.lean_degrees) @ shift / around[2])


def next_view(sight: Sight, framing: Framing, skeleton: Skeleton) -> View:
    """Where to look for the person in the next frame.

    About all joints, turned as the torso leans where that has changed by more than
    ``MAX_LEAN_DEGREES``; the same view again where the joints have no extent.
    """
    lean = sight.view.lean_degrees
    every_joint = np.ones(skeleton.num_joints, bool)
    measured = torso_lean_degrees(sight.keypoints_px, every_joint, skeleton)
    if measured is not None and abs((measured - lean + 180) % 360 - 180) > MAX_LEAN_DEGREES:
        lean = measured
    around = _square_around(sight, lean)
    if around is None:
        return sight.view
    center = around[:2] + around[2:] * (0.5 + framing.offset @ _axes(lean))
    side = around[2] * framing.scale
    return View(np.array([*(center - side / 2), side, side]), lean)


def _square_around(sight: Sight, lean_degrees: float) -> FloatArray | None:
    square = turned_square(sight.keypoints_px, lean_degrees)
    return square if square[2] >= MIN_SIDE_PX else None


def _axes(lean_degrees: float) -> FloatArray:
    """(2, 2), its rows the axes of a view that is turned so, in the picture."""
    angle = np.radians(lean_degrees)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


class _Person:
    """Where the person was last, and whether to look for somebody."""

    def __init__(self, network: PoseNetwork) -> None:
        self.network = network
        self.track_id = -1
        self.forget()

    def forget(self) -> None:
        """Begin anew: what comes next has nothing to do with what was."""
        self.view: View | None = None  # of the next frame
        self._sight: Sight | None = None
        self._framing = TIGHT
        self._seen_s = self._searched_s = -np.inf

    def meet(self, frame: Frame, view: View, sight: Sight) -> Tracked:
        """Take in what was seen of the person in a view."""
        if sight.score < KEEP_SCORE and self.view is not None and self.view is not view:
            (sight,) = look(self.network, frame.image_rgb, [self.view])  # now it is known better
        return self.search(frame) if sight.score < KEEP_SCORE else self._seen(frame, sight)

    def search(self, frame: Frame) -> Tracked:
        """Look for somebody in the whole picture, if the last time is long enough ago."""
        self.view = None
        if frame.time_s - self._searched_s < SEARCH_INTERVAL_S:
            return Tracked(frame, None, self.track_id)
        self._searched_s = frame.time_s
        sight = find_person(self.network, frame.image_rgb, seen_well=FIND_SCORE)
        if sight.score < FIND_SCORE:
            return Tracked(frame, None, self.track_id)
        if not self._is_known(sight, frame.time_s):
            self.track_id += 1
        self._framing = framing_of(sight, _size(frame))
        return self._seen(frame, sight)

    def _is_known(self, sight: Sight, time_s: float) -> bool:
        if self._sight is None or time_s - self._seen_s > MEMORY_S:
            return False
        overlap = square_overlap(self._sight.view.square_xywh, sight.view.square_xywh)
        return overlap >= MEMORY_IOU

    def _seen(self, frame: Frame, sight: Sight) -> Tracked:
        self._sight, self._seen_s = sight, frame.time_s
        self.view = next_view(sight, self._framing, self.network.skeleton)
        if self.view.square_xywh[2] <= max(_size(frame)):
            self._framing = TIGHT  # a portrait whose person has stepped back
        return Tracked(frame, sight, self.track_id)


def _size(frame: Frame) -> tuple[int, int]:
    return frame.image_rgb.shape[1], frame.image_rgb.shape[0]


def color_shares(image_rgb: NDArray[np.uint8]) -> FloatArray:
    """(512,) shares of the picture's colours, 8 steps a channel, from about 64 × 36 of its pixels.

    Moving things and cameras hardly change them; another picture has others.
    """
    height, width = image_rgb.shape[:2]
    steps = image_rgb[:: max(1, height // 36), :: max(1, width // 64)].astype(np.intp) >> 5
    bins = steps[..., 0] * 64 + steps[..., 1] * 8 + steps[..., 2]
    return np.bincount(bins.ravel(), minlength=512) / bins.size


def color_change(before: FloatArray, after: FloatArray) -> float:
    """The share of the pixels, 0…1, whose colour the other picture does not have."""
    return float(np.abs(after - before).sum() / 2)
