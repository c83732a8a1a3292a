"""Pictures into shards: whole ones or none, and those that are there already are kept."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.synth import (
    ANNOTATIONS,
    SHARD_FORMAT,
    SHARD_VERSION,
    Split,
    find_shards,
    read_shard,
)
from ..errors import UserError
from ..media import make_folder, write_file
from ..skeleton import MUCO_21
from .engine import Picture

#: A zip file remembers when its members were written; these shall be equal bytes each time.
_NO_DATE = (1980, 1, 1, 0, 0, 0)
_MAX_PEOPLE = 10


@dataclass(frozen=True, kw_only=True)
class ShardPlan:
    """Which pictures a run makes, and how they are cut into shards.

    Attributes:
        folder: where the shards lie.
        split: which motions people are drawn from; part of the shards' names.
        seed: of everything.
        count: pictures in all, numbered from 0.
        per_shard: pictures in each shard; the last may have fewer.
        sources: what the pictures are made from, by its names: told in the shards.
    """

    folder: Path
    split: Split
    seed: int
    count: int
    per_shard: int = 1000
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 1 or not 1 <= self.per_shard <= 100_000:
            raise UserError(
                f"{self.count} pictures, {self.per_shard} in a shard: at least one picture, "
                "and 1 to 100,000 in a shard"
            )
        if self.seed < 0:
            raise UserError(f"seed {self.seed}: a whole number from 0 on is right")

    def path(self, shard: int) -> Path:
        """Where a shard lies."""
        return self.folder / f"{self.split}-{shard:05d}.zip"

    def numbers(self, shard: int) -> range:
        """The numbers of its pictures."""
        first = shard * self.per_shard
        return range(first, min(first + self.per_shard, self.count))

    def info(self, shard: int) -> dict[str, Any]:
        """What the shard tells about itself."""
        numbers = self.numbers(shard)
        return {
            "format": SHARD_FORMAT,
            "version": SHARD_VERSION,
            "split": self.split,
            "seed": self.seed,
            "per_shard": self.per_shard,
            "first": numbers.start,
            "count": len(numbers),
            "sources": list(self.sources),
        }

    def missing(self) -> list[int]:
        """The shards that are not there yet, or hold fewer pictures than they shall.

        Raises:
            UserError: shards of another seed or other sources lie there, or a damaged one.
        """
        shards = range(-(-self.count // self.per_shard))
        for path in find_shards(self.folder, self.split):
            self._check(path)
        return [
            shard
            for shard in shards
            if not self.path(shard).exists()
            or read_shard(self.path(shard))["info"]["count"] < len(self.numbers(shard))
        ]

    def _check(self, path: Path) -> None:
        info, wanted = read_shard(path)["info"], self.info(0)
        for field in ("seed", "per_shard", "sources"):
            if info.get(field) != wanted[field]:
                raise UserError(
                    f"{path}: was made with {field} {info.get(field)!r}, and this run has "
                    f"{wanted[field]!r}; give the same, or another --out"
                )


def write_shards(
    plan: ShardPlan,
    pictures: Callable[[Iterable[int]], Iterator[Picture]],
    progress: Callable[[int], None],
) -> int:
    """Make the shards that are missing; the number of pictures that were made.

    Args:
        plan: what to make.
        pictures: makes the pictures of some numbers, in this order.
        progress: is told after each picture how many pictures are done, kept ones included.

    Raises:
        UserError: from ``plan.missing`` or ``pictures``, or the folder cannot be written to.
    """
    make_folder(plan.folder)
    missing = plan.missing()
    made = 0
    done = plan.count - sum(len(plan.numbers(shard)) for shard in missing)
    progress(done)
    for shard in missing:
        numbers, found = plan.numbers(shard), []
        for picture in pictures(numbers):
            found.append(picture)
            done, made = done + 1, made + 1
            progress(done)
        write_file(plan.path(shard), shard_file(plan.info(shard), numbers, found))
    return made


def shard_file(info: dict[str, Any], numbers: range, pictures: list[Picture]) -> bytes:
    """The zip file of some pictures and their labels: equal bytes for equal pictures."""
    images, annotations = [], []
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, picture in zip(numbers, pictures, strict=True):
            name = f"{number:08d}.jpg"
            archive.writestr(zipfile.ZipInfo(name, _NO_DATE), picture.jpeg)
            images.append({"id": number, "file_name": name, **picture.image})
            annotations += [
                {"id": number * _MAX_PEOPLE + i, "image_id": number, **person}
                for i, person in enumerate(picture.people)
            ]
        category = {
            "id": 1,
            "name": "person",
            "keypoints": list(MUCO_21.joint_names),
            # COCO counts joints from 1.
            "skeleton": [[a + 1, b + 1] for a, b in MUCO_21.edges],
        }
        content = {
            "info": info,
            "images": images,
            "annotations": annotations,
            "categories": [category],
        }
        text = json.dumps(content, separators=(",", ":"), allow_nan=False)
        member = zipfile.ZipInfo(ANNOTATIONS, _NO_DATE)
        member.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(member, text)
    return buffer.getvalue()
