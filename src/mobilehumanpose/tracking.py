"""One person over the frames of a video.

The next view is cut around the joints of the last pose, as MediaPipe's pose pipeline does it
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
    BOX_MIN_JOINTS,
    BOX_MIN_SCORE,
    MAX_LEAN_DEGREES,
    Sight,
    View,
    find_person,
    look,
    square_overlap,
)

#: A person is lost whose mean score falls below this, and found from the other on. Finding takes
#: more: it is the best of many looks. benchmarks/tracking_scores.py measures both.
KEEP_SCORE = 0.25
FIND_SCORE = 0.4
#: Nobody is looked for more often: a search costs as much as ten frames.
SEARCH_INTERVAL_S = 0.5
#: Who is found again within this time, in a square that overlaps the last by this much, is the
#: same person.
MEMORY_S = 1.0
MEMORY_IOU = 0.2
#: Frames that are looked at side by side. The view of a frame thus comes from the pose so many
#: frames before, on every machine alike: two looks of one thread each are done in much less time
#: than one after the other on two threads.
LOOKS_AT_ONCE = 2
#: The film is cut where this share of the pixels changes its colour.
CUT_SHARE = 0.25


class Tracked(NamedTuple):
    """A frame, and who was seen in it.

    Attributes:
        frame: the frame.
        sight: None where nobody was seen.
        track_id: who it is: 0, then a new number for each person found.
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
            yield person.meet(frame, view, future.result()[0])

    pool = ThreadPoolExecutor(num_workers, thread_name_prefix="look")
    try:
        colors = None
        for frame in frames:
            before, colors = colors, _color_histogram(frame.image_rgb)
            if before is not None and np.abs(colors - before).sum() / 2 > CUT_SHARE:
                yield from finish(0)
                person.forget()
            yield from finish(LOOKS_AT_ONCE - 1)
            if person.view is None:
                yield from finish(0)  # they may find somebody
            if person.view is None:
                yield person.search(frame)
            else:
                future = pool.submit(look, network, frame.image_rgb, [person.view])
                going.append((frame, person.view, future))
        yield from finish(0)
    finally:
        pool.shutdown(cancel_futures=True)


class _Person:
    """Where the person was last, and whether to look for somebody."""

    def __init__(self, network: PoseNetwork) -> None:
        self.network = network
        self.track_id = -1
        self.forget()

    def forget(self) -> None:
        """Begin anew: what comes next has nothing to do with what was."""
        self.view: View | None = None
        self._last_view: View | None = None
        self._last_seen_s = -np.inf
        self._last_search_s = -np.inf

    def meet(self, frame: Frame, view: View, sight: Sight) -> Tracked:
        """Take in what was seen of the person in a view."""
        if sight.score < KEEP_SCORE and self.view is not None and self.view is not view:
            (sight,) = look(self.network, frame.image_rgb, [self.view])  # there is news of where
        if sight.score < KEEP_SCORE:
            return self.search(frame)
        return self._seen(frame, sight)

    def search(self, frame: Frame) -> Tracked:
        """Look for somebody in the whole picture, if the last time is long enough ago."""
        self.view = None
        if frame.time_s - self._last_search_s >= SEARCH_INTERVAL_S:
            self._last_search_s = frame.time_s
            sight = find_person(self.network, frame.image_rgb)
            if sight.score >= FIND_SCORE:
                is_known = (
                    self._last_view is not None
                    and frame.time_s - self._last_seen_s <= MEMORY_S
                    and square_overlap(self._last_view.square_xywh, sight.view.square_xywh)
                    >= MEMORY_IOU
                )
                self.track_id += not is_known
                return self._seen(frame, sight)
        return Tracked(frame, None, self.track_id)

    def _seen(self, frame: Frame, sight: Sight) -> Tracked:
        self.view = self._last_view = next_view(sight, self.network.skeleton)
        self._last_seen_s = frame.time_s
        return Tracked(frame, sight, self.track_id)


def next_view(sight: Sight, skeleton: Skeleton) -> View:
    """Where to look for the person in the next frame.

    A square around the sure joints, turned as the torso leans where that has changed by more than
    ``MAX_LEAN_DEGREES``; the same view again where too few joints are sure.
    """
    sure = sight.scores >= BOX_MIN_SCORE
    if sure.sum() < BOX_MIN_JOINTS:
        return sight.view
    lean = sight.view.lean_degrees
    measured = torso_lean_degrees(sight.keypoints_px, np.ones_like(sure), skeleton)
    if measured is not None and abs((measured - lean + 180) % 360 - 180) > MAX_LEAN_DEGREES:
        lean = measured
    return View(turned_square(sight.keypoints_px[sure], lean), lean)


def _color_histogram(image_rgb: NDArray[np.uint8]) -> NDArray[np.floating]:
    """(512,) shares of the picture's colours, 8 steps a channel, from about 64 × 36 of its pixels.

    Moving things and moving cameras keep the colours; another picture has others.
    """
    height, width = image_rgb.shape[:2]
    steps = image_rgb[:: max(1, height // 36), :: max(1, width // 64)].astype(np.intp) >> 5
    bins = steps[..., 0] * 64 + steps[..., 1] * 8 + steps[..., 2]
    counts = np.bincount(bins.ravel(), minlength=512)
    return counts / bins.size
