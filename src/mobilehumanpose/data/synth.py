"""Synthetic people in shards: zip files of JPEG pictures with their labels in COCO's layout.

``mhp data synth`` writes them; ``docs/synthetic-data.md`` describes them.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from ..errors import UserError
from ..skeleton import MUCO_21
from .annotations import OnProblem, Problem, Table, refuse, shown
from .assemble import assemble, image_columns
from .images import ZipImages
from .samples import PoseDataset, PoseSamples

Split = Literal["train", "held-out"]
SPLITS: tuple[Split, ...] = ("train", "held-out")
ANNOTATIONS = "annotations.json"
SHARD_FORMAT = "mobilehumanpose-synth"
#: 2 since hips are further apart and shoulders higher: labels of both kinds must not be mixed.
SHARD_VERSION = 2
#: A joint's third number: outside the picture, hidden by something, in sight.
OUTSIDE, OCCLUDED, VISIBLE = 0, 1, 2
#: Who has fewer joints in the picture, or fewer of them in sight, is not trained on.
MIN_JOINTS_INSIDE, MIN_JOINTS_VISIBLE = 8, 6


class ShardImages:
    """Pictures in the shards of a folder, named ``SHARD/PICTURE``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shards: dict[str, ZipImages] = {}

    def open(self, name: str) -> IO[bytes]:
        """The picture's file, to be read from its beginning and closed.

        Raises:
            UserError: there is no such shard or picture.
        """
        shard, _, picture = name.partition("/")
        if shard not in self._shards:
            self._shards[shard] = ZipImages(self.folder / shard)
        return self._shards[shard].open(picture)

    def encoded(self, name: str) -> bytes:
        """The picture's file.

        Raises:
            UserError: there is no such shard or picture.
        """
        with self.open(name) as file:
            return file.read()

    def describe(self, name: str) -> str:
        """The shard's path and the picture in it."""
        shard, _, picture = name.partition("/")
        return f"{self.folder / shard}: {picture!r}"


def find_shards(folder: Path, split: Split) -> list[Path]:
    """The shards of a split, in order."""
    return sorted(folder.glob(f"{split}-[0-9][0-9][0-9][0-9][0-9].zip"))


def read_shard(path: Path) -> dict[str, Any]:
    """The labels of a shard as COCO's object; ``info`` tells how it was made.

    Raises:
        UserError: it is damaged, or no shard of this version.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = json.loads(archive.read(ANNOTATIONS))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: no shard of synthetic pictures, or a damaged one: {error}") from (
            None
        )
    info = content.get("info") if isinstance(content, dict) else None
    if not isinstance(info, dict) or info.get("format") != SHARD_FORMAT:
        raise UserError(f"{path}: its {ANNOTATIONS} is not of format {SHARD_FORMAT!r}")
    if info.get("version") != SHARD_VERSION:
        raise UserError(
            f"{path}: format version {shown(info.get('version'))}; {SHARD_VERSION} is read here, "
            "whose joints lie elsewhere: mhp data synth makes it anew in an empty folder"
        )
    return content


def load_synth(
    data_root: Path, split: Split = "train", *, on_problem: OnProblem = refuse
) -> PoseDataset:
    """The people of all shards in ``synth`` who can be seen well enough to train on.

    A joint's place and depth are known whether it is in sight or not, since nobody guessed them.
    Outside the picture they are not, as in photographs, whose boxes end there too.

    Args:
        data_root: the folder that holds ``synth``.
        split: which shards.
        on_problem: is told what is wrong; the default stops at the first.

    Raises:
        UserError: there is no shard, or one is damaged; or from ``on_problem``.
    """
    folder = data_root / "synth"
    shards = find_shards(folder, split)
    if not shards:
        raise UserError(
            f"{folder}: holds no {split}-00000.zip; make it with mhp data synth --out {folder}"
        )
    parts = []
    for path in shards:
        try:
            parts.append(_shard_samples(path, on_problem))
        except UserError as error:
            if on_problem is refuse:
                raise
            on_problem(Problem(file=path, message=str(error).removeprefix(f"{path}: ")))
    samples = joined(parts) if parts else None
    if samples is None:
        raise UserError(f"{folder}: none of its shards can be read")
    return PoseDataset(name="synth", samples=samples, images=ShardImages(folder))


def _shard_samples(path: Path, on_problem: OnProblem) -> PoseSamples:
    content = read_shard(path)
    images = Table(path, "image", content.get("images"), on_problem)
    people = Table(path, "annotation", content.get("annotations"), on_problem)
    columns = image_columns(images, prefix=f"{path.name}/", cameras=images.cameras("f", "c"))
    index = people.refer_to("image_id", images)
    keypoints = people.numbers("keypoints", (MUCO_21.num_joints * 3,))
    keypoints = keypoints.reshape(-1, MUCO_21.num_joints, 3)
    keypoints_mm = people.numbers("keypoints_cam", (MUCO_21.num_joints, 3))
    boxes = people.crop_boxes(columns.sizes[index])
    return assemble(
        MUCO_21,
        columns,
        usable=people.ok & is_worth_training(keypoints[..., 2]),
        image_index=index,
        boxes_xywh=boxes,
        keypoints_px=keypoints[..., :2],
        has_px=keypoints[..., 2] > OUTSIDE,
        keypoints_mm=keypoints_mm,
    )


def is_worth_training(visibility: Any) -> Any:
    """(…,) bool: whether enough of a person is in the picture and in sight, from (…, 21)."""
    inside = (np.asarray(visibility) > OUTSIDE).sum(axis=-1) >= MIN_JOINTS_INSIDE
    return inside & ((np.asarray(visibility) >= VISIBLE).sum(axis=-1) >= MIN_JOINTS_VISIBLE)


def joined(parts: list[PoseSamples]) -> PoseSamples:
    """Samples one after another; all have the same joints."""

    def column(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    first_image = np.cumsum([0, *(len(part.image_names) for part in parts[:-1])])
    index = [part.image_index + first for part, first in zip(parts, first_image, strict=True)]
    images = ("image_names", "image_sizes", "image_ids", "cameras")
    people = ("boxes_xywh", "keypoints_px", "depth_mm", "has_px", "has_depth", "roots_mm")
    return replace(
        parts[0],
        **{name: column(name) for name in images + people},
        image_index=np.concatenate(index).astype(np.int32),
    )
