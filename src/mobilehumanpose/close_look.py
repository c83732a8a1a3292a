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
from .views import FloatArray, Sight, View, look

#: (side by that of the first view, further turn in degrees) of views with the same centre.
CLOSER = ((1.0, 0.0), (0.8, 0.0), (0.9, 20.0), (0.9, -20.0))
#: The side of the view about the middle of both arms, by that of the first.
ARMS_SCALE = 0.6
ARMS = ("R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist")
#: Looks that disagree about a joint are not averaged. Each votes with its score; what it counts is
#: how many votes are near by, under a Gaussian of this deviation as a share of the view's side,
AGREEMENT_SIGMA = 2 / 32
#: to this power: the place that most agree about wins, much as a heat-map's peak is found.
AGREEMENT_POWER = 8
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
        fuse([sight, *look(network, photo, further_views(sight.view, sight.keypoints_px[arms]))])
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


def agreement(keypoints_px: FloatArray, scores: FloatArray, side_px: float) -> FloatArray:
    """The share of all votes that lie about each of V looks' places for each of J joints.

    Args:
        keypoints_px: (V, J, 2) in the photo.
        scores: (V, J), the votes; a joint that nobody sees has a place too.
        side_px: of the first view.

    Returns:
        (V, J), 1 where all looks say the same.
    """
    votes = np.maximum(scores, MIN_VOTE)
    apart = np.linalg.norm(keypoints_px[:, None] - keypoints_px, axis=-1)
    near = np.exp(-((apart / (AGREEMENT_SIGMA * side_px)) ** 2) / 2)
    return (near * votes).sum(axis=1) / votes.sum(axis=0)


def weights_by_agreement(scores: FloatArray, agreed: FloatArray) -> FloatArray:
    """(V, J) how much each look counts for each joint: sums over the looks are 1.

    Args:
        scores: (V, J).
        agreed: (V, J), see :func:`agreement`.
    """
    weight = np.maximum(scores, MIN_VOTE) * (agreed / agreed.max(axis=0)) ** AGREEMENT_POWER
    return weight / weight.sum(axis=0)


def fuse(sights: Sequence[Sight]) -> Sight:
    """Sights of one person as one, in the view of the first.

    What looks disagree about is less sure than each of them says: scores are multiplied by the
    root of the share that agrees.
    """
    scores = np.stack([sight.scores for sight in sights])
    keypoints_px = np.stack([sight.keypoints_px for sight in sights])
    depth_mm = np.stack([sight.depth_mm for sight in sights])
    agreed = agreement(keypoints_px, scores, sights[0].view.square_xywh[2])
    weight = weights_by_agreement(scores, agreed)
    return Sight(
        view=sights[0].view,
        keypoints_px=(weight[..., None] * keypoints_px).sum(axis=0),
        depth_mm=(weight * depth_mm).sum(axis=0),
        scores=(weight * scores * np.sqrt(agreed)).sum(axis=0),
    )
