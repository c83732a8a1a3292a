"""Poses to draw from.

Recordings are full of walking and standing. Their poses are in groups of like ones, and a draw
first takes a group, then one of its poses, so that rare poses come about as often as common ones.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.synth import Split
from ..errors import UserError
from ..media import make_folder
from .assets import AssetFiles
from .body import Body, cache_folder
from .hands import bend_axes, bend_fingers, random_bends_degrees
from .limbs import limb_bones, random_limbs
from .recordings import AVERAGE, RecordedPoses, load_poses, read_recordings, save_poses
from .retarget import driven_bones, rest_frames
from .rotations import from_vectors

#: One recording in so many is held out, with all its frames, so that no pose of training is the
#: neighbour of one of these.
HELD_OUT_ONE_IN = 8
#: Standard deviations of the jitter, for each of a bone's three axes. The bones of the trunk get
#: less, since theirs add up along the spine.
JITTER_DEGREES = 5.0
TRUNK_JITTER_DEGREES = 2.0
#: Limits of a joint: what all poses but this share, on each side, show of the same bone and axis.
LIMIT_SHARE = 0.002
#: Share of draws that are turned over as a whole, by up to half a turn about any level axis:
#: gymnasts, climbers, people lying. Recordings hold few (trunk more than 90° off upright in 3 % of
#: draws, against 33 % of the photographs of LSP Extended).
TUMBLED_SHARE = 0.2
#: Share of draws of training whose arms, legs or both are not the recorded ones but anywhere that
#: joints let them go. Held-out people do what was recorded: that is what is measured.
FREE_LIMBS_SHARE: dict[Split, float] = {"train": 0.5, "held-out": 0.0}


def is_held_out(recording_name: str) -> bool:
    """Whether a recording is kept from training; its name alone decides."""
    digest = hashlib.sha256(recording_name.encode()).digest()
    return digest[0] % HELD_OUT_ONE_IN == 0


class PoseLibrary:
    """Recorded poses, to draw from.

    Attributes:
        body: whose bones they turn.
        poses: all of them.
    """

    def __init__(self, body: Body, poses: RecordedPoses) -> None:
        self.body = body
        self.poses = poses
        bones = driven_bones(body)
        self._driven = np.array([body.bone_index[name] for name in bones])
        is_limb = np.array([name.endswith((".L", ".R")) for name in bones])
        self._jitter = np.radians(np.where(is_limb, JITTER_DEGREES, TRUNK_JITTER_DEGREES))
        self._least, self._most = np.quantile(poses.turns, (LIMIT_SHARE, 1 - LIMIT_SHARE), axis=0)
        average = body.shape(AVERAGE)
        self._finger_axes = bend_axes(body, average)
        self._rest_frames = rest_frames(body, average)
        self._arms, self._legs = limb_bones(body)

        held_out = np.array([is_held_out(name) for name in poses.recording_names])
        self._groups: dict[Split, list[NDArray[np.intp]]] = {
            "train": _members(poses, ~held_out[poses.recordings]),
            "held-out": _members(poses, held_out[poses.recordings]),
        }

    @classmethod
    def load(cls, mocap: Path, body: Body, cache: Path | None = None) -> PoseLibrary:
        """Every recording of a folder or zip; retargeted and grouped once (a minute), then kept.

        Args:
            mocap: ``.bvh`` files on the CMU database's skeleton or on MakeHuman's default rig,
                and DeepMimic's ``.txt`` clips, in any folders.
            body: the body model.
            cache: folder to keep the poses in; see :func:`~.body.cache_folder`.

        Raises:
            UserError: there is no recording, or one is malformed or of an unknown skeleton.
        """
        files = AssetFiles(mocap)
        path = cache_folder(cache) / f"poses-{files.digest()}.npz"
        poses = load_poses(path)
        if poses is None:
            poses = read_recordings(files, body)
            make_folder(path.parent)
            save_poses(path, poses)
        return cls(body, poses)

    def draw(
        self,
        rng: np.random.Generator,
        split: Split = "train",
        *,
        tumbled_share: float = TUMBLED_SHARE,
        free_limbs_share: float | None = None,
    ) -> NDArray[np.float32]:
        """(B, 3, 3) turns for ``Body.pose``.

        The person stands, leans or lies as recorded and faces the viewer, but for the tumbled
        ones. The pose is jittered within what the joints are seen to do, or has other limbs; it is
        given hands, and mirrored half of the time.

        Args:
            rng: decides everything.
            split: which recordings to draw from.
            tumbled_share: share of draws that are turned over as a whole.
            free_limbs_share: share of draws with arms, legs or both of ``random_limbs``; None
                takes the split's.

        Raises:
            UserError: no recording belongs to this split.
        """
        groups = self._groups[split]
        if not groups:
            raise UserError(f"no recording is in the split {split!r}: more recordings are needed")
        members = groups[rng.integers(len(groups))]
        turns = self.poses.turns[members[rng.integers(len(members))]]
        varied = turns + rng.normal(size=turns.shape) * self._jitter[:, None]
        # A recorded turn beyond the limits stays; jitter takes it no further.
        varied = varied.clip(np.minimum(self._least, turns), np.maximum(self._most, turns))
        rotations = self.body.rest_rotations()
        rotations[self._driven] = from_vectors(varied)
        share = FREE_LIMBS_SHARE[split] if free_limbs_share is None else free_limbs_share
        if share and rng.random() < share:
            others = random_limbs(rng, self.body, self._rest_frames)
            replaced = (self._arms, self._legs, self._arms | self._legs)[rng.integers(3)]
            rotations[self._driven[replaced]] = others[replaced]
        fingers, bent = bend_fingers(self.body, self._finger_axes, random_bends_degrees(rng))
        rotations[fingers] = bent
        if rng.random() < tumbled_share:
            root = self.body.bone_index["root"]
            rotations[root] = random_tumble(rng) @ rotations[root]
        return self.body.mirrored(rotations) if rng.random() < 0.5 else rotations


def random_tumble(rng: np.random.Generator) -> NDArray[np.float64]:
    """(3, 3) a turn by up to 180° about a level axis of the body frame, each way."""
    heading, angle = rng.uniform(0, 2 * np.pi), rng.uniform(0, np.pi)
    return from_vectors([angle * np.cos(heading), 0, angle * np.sin(heading)])


def _members(poses: RecordedPoses, wanted: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Indices of the wanted poses of each group that has any."""
    chosen = np.flatnonzero(wanted)
    chosen = chosen[np.argsort(poses.groups[chosen], kind="stable")]
    ends = np.flatnonzero(np.diff(poses.groups[chosen])) + 1
    return np.split(chosen, ends) if len(chosen) else []
