"""Several looks at one person, put together: slower than one look, and nearer to the truth.

A small network errs differently in every view of the same person, and its scores tell where. So a
photograph, which need not be done in a fortieth of a second, is looked at again: closer, turned a
little, at the arms alone, and all of that mirrored. Which views, was chosen on photographs that the
network was trained with; what they bring on others, ``benchmarks/photo_accuracy.py`` tells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .runtime import PoseNetwork
from .skeleton import Skeleton
from .views import FloatArray, Sight, View, look

#: (side by that of the first view, further turn in degrees) of views with the same centre.
CLOSER = ((1.0, 0.0), (0.8, 0.0), (0.9, 20.0), (0.9, -20.0))
#: The side of the view about the middle of both arms, by that of the first.
ARMS_SCALE = 0.6
ARMS = ("R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist")
#: Looks that disagree about a joint are not averaged. Each votes with its score; what it counts is
#: how many votes are near by, under a Gaussian of this deviation as a share of the view's side,
AGREEMENT_SIGMA = 2 / 32
#: and a little what its own is, to this power: as a network is surer where it is right.
SCORE_POWER = 0.2
#: A look that takes the left leg for the right one does so from knee to toe. So a joint is rather
#: taken from the look that the joint before it is from: this counts beside the logarithm of the
#: share of votes, so that a third of them there is as good as all of them elsewhere.
COHERENCE = 1.0
#: Looks that see nothing of a joint vote alike.
MIN_VOTE = 1e-3


def look_closely(
    network: PoseNetwork, photo: NDArray[np.uint8], sights: Sequence[Sight]
) -> list[Sight]:
    """What is seen of people who were found, from several views of each.

    Args:
        network: the network.
        photo: (H, W, 3) RGB.
        sights: of people, in views that show them well.

    Returns:
        For each the same view, with joints, depths and scores from all looks.
    """
    arms = network.skeleton.indices(ARMS)
    return [
        fuse(
            [sight, *look(network, photo, further_views(sight.view, sight.keypoints_px[arms]))],
            network.skeleton,
        )
        for sight in sights
    ]


def further_views(view: View, arms_px: FloatArray) -> list[View]:
    """The views from which a person is looked at again.

    Args:
        view: the first.
        arms_px: (6, 2) joints of the arms that were found there.
    """
    square, lean_degrees = view.square_xywh, view.lean_degrees
    center, side = square[:2] + square[2:] / 2, square[2]
    places = [(center, side * scale, lean_degrees + turn) for scale, turn in CLOSER]
    places.append((arms_px.mean(axis=0), side * ARMS_SCALE, lean_degrees))
    views = [
        View(np.array([*(middle - size / 2), size, size]), lean, is_mirrored)
        for middle, size, lean in places
        for is_mirrored in (False, True)
    ]
    return views[1:]  # the first has been looked at


def fusing_weights(
    keypoints_px: FloatArray, scores: FloatArray, side_px: float, skeleton: Skeleton
) -> tuple[FloatArray, FloatArray]:
    """How much each of V looks counts for each of J joints.

    Args:
        keypoints_px: (V, J, 2) in the photo.
        scores: (V, J), the votes; a joint that nobody sees has a place too.
        side_px: of the first view.
        skeleton: of the joints.

    Returns:
        (V, J) weights, whose sums over the looks are 1, and (V, J) the share of all votes that lie
        about each look's place: 1 where all looks say the same.
    """
    votes = np.maximum(scores, MIN_VOTE)
    apart = np.linalg.norm(keypoints_px[:, None] - keypoints_px, axis=-1)
    near = np.exp(-((apart / (AGREEMENT_SIGMA * side_px)) ** 2) / 2)
    agreed = (near * votes).sum(axis=1) / votes.sum(axis=0)
    chosen = coherent_choice(np.log(agreed) + SCORE_POWER * np.log(votes), skeleton)
    weight = votes * np.take_along_axis(near, chosen[None, None], axis=0)[0] ** 2
    return weight / weight.sum(axis=0), agreed


def coherent_choice(merits: FloatArray, skeleton: Skeleton) -> NDArray[np.intp]:
    """(J,) the look to take each joint from: the largest sum of merits and of :data:`COHERENCE`.

    That counts for each bone whose ends are from the same look. On a tree the best of all V^J
    choices is found from the ends of the limbs inwards (dynamic programming, as in pictorial
    structures: Felzenszwalb & Huttenlocher, IJCV 2005).

    Args:
        merits: (V, J) of each look at each joint.
        skeleton: of the joints.
    """
    merits, bones = merits.copy(), skeleton.bones
    same = COHERENCE * np.eye(len(merits))
    best: dict[int, NDArray[np.intp]] = {}
    for joint, behind in reversed(bones):
        together = merits[:, behind] + same  # for each look at the joint, those behind it
        best[behind] = together.argmax(axis=1)
        merits[:, joint] += together.max(axis=1)
    chosen = merits.argmax(axis=0)
    for joint, behind in bones:
        chosen[behind] = best[behind][chosen[joint]]
    return chosen


def fuse(sights: Sequence[Sight], skeleton: Skeleton) -> Sight:
    """Sights of one person as one, in the view of the first.

    What looks disagree about is less sure than each of them says: scores are multiplied by the
    root of the share that agrees.
    """
    scores = np.stack([sight.scores for sight in sights])
    keypoints_px = np.stack([sight.keypoints_px for sight in sights])
    depth_mm = np.stack([sight.depth_mm for sight in sights])
    side_px = sights[0].view.square_xywh[2]
    weight, agreed = fusing_weights(keypoints_px, scores, side_px, skeleton)
    return Sight(
        view=sights[0].view,
        keypoints_px=(weight[..., None] * keypoints_px).sum(axis=0),
        depth_mm=(weight * depth_mm).sum(axis=0),
        scores=(weight * scores * np.sqrt(agreed)).sum(axis=0),
    )
