"""Datasets in COCO's keypoint format, one's own included: a TOML file says what theirs means.

See ``docs/datasets/own.md`` for the TOML file.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..skeleton import Skeleton
from .annotations import OnProblem, Table, leaves_folder, read_coco, refuse, shown
from .assemble import assemble, image_columns
from .images import ImageFolder
from .samples import PoseDataset


@dataclass(frozen=True, kw_only=True)
class People:
    """The columns of N annotated people.

    Attributes:
        table: their annotations; its ``ok`` tells the usable ones.
        image_index: (N,) index into the file's images.
        boxes_xywh: (N, 4) squares to crop.
        keypoints_px: (N, J, 2).
        has_px: (N, J).
    """

    table: Table
    image_index: NDArray[np.intp]
    boxes_xywh: NDArray[np.float32]
    keypoints_px: NDArray[np.float64]
    has_px: NDArray[np.bool_]


def read_people(
    images: Table, sizes: NDArray[np.int32], annotations: Table, num_joints: int
) -> People:
    """People with at least one labelled joint, crowds left out, as the original takes them.

    A joint is known where its third number, the visibility, is above 0; COCO writes 0, 0, 0 else.

    Args:
        images: the file's M images.
        sizes: (M, 2) of them.
        annotations: the file's.
        num_joints: J.
    """
    table = annotations.select(annotations.ok)
    table = table.select(table.ok & (table.numbers("iscrowd", default=0) == 0))
    table = table.select(table.ok & (table.numbers("num_keypoints", default=1) > 0))
    index = table.refer_to("image_id", images)
    keypoints = table.numbers("keypoints", (num_joints * 3,)).reshape(-1, num_joints, 3)
    has_px = keypoints[..., 2] > 0
    table.ok &= has_px.any(axis=1)  # files without num_keypoints
    return People(
        table=table,
        image_index=index,
        boxes_xywh=table.crop_boxes(sizes[index]),
        keypoints_px=keypoints[..., :2],
        has_px=has_px,
    )


@dataclass(frozen=True, kw_only=True)
class CocoFormat:
    """What the TOML file of a dataset says.

    Attributes:
        skeleton: the dataset's name and joints.
        annotations: the JSON file.
        images: folder that its file names are relative to.
        keypoints_cam: field of (J, 3) joints in camera space, mm; None for 2D labels.
        focal: field of fx, fy in px of each image; None where cameras are unknown.
        center: field of cx, cy in px of each image.
    """

    skeleton: Skeleton
    annotations: Path
    images: Path
    keypoints_cam: str | None = None
    focal: str | None = None
    center: str | None = None


def load_coco_format(toml_path: Path, *, on_problem: OnProblem = refuse) -> PoseDataset:
    """The dataset that a TOML file declares.

    Raises:
        UserError: the TOML file is wrong; or from ``on_problem``.
    """
    declared = read_coco_format(toml_path)
    skeleton = declared.skeleton
    images, annotations = read_coco(declared.annotations, on_problem)
    cameras = None
    if declared.focal and declared.center:
        cameras = images.cameras(declared.focal, declared.center)
    columns = image_columns(images, cameras=cameras)
    people = read_people(images, columns.sizes, annotations, skeleton.num_joints)
    keypoints_mm = None
    if declared.keypoints_cam:
        keypoints_mm = people.table.numbers(declared.keypoints_cam, (skeleton.num_joints, 3))
    samples = assemble(
        skeleton,
        columns,
        usable=people.table.ok,
        image_index=people.image_index,
        boxes_xywh=people.boxes_xywh,
        keypoints_px=people.keypoints_px,
        has_px=people.has_px,
        keypoints_mm=keypoints_mm,
    )
    return PoseDataset(name=skeleton.name, samples=samples, images=ImageFolder(declared.images))


def read_coco_format(toml_path: Path) -> CocoFormat:
    """Read and check a dataset's TOML file.

    Raises:
        UserError: it is absent or no TOML, or a field is missing, unknown or wrong.
    """
    try:
        content = tomllib.loads(toml_path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{toml_path}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # no TOML, or no UTF-8
        raise UserError(f"{toml_path}: no TOML: {error}") from None
    fields = _Fields(toml_path, content)
    joints = tuple(fields.names("joints"))
    if len(set(joints)) < len(joints) or not joints:
        raise UserError(f"{toml_path}: field 'joints' is {shown(list(joints))}; each once is right")
    root = fields.text("root", default=None)
    skeleton = Skeleton(
        name=fields.text("name"),
        joint_names=joints,
        edges=fields.pairs("edges", joints),
        flip_pairs=fields.pairs("flip_pairs", joints),
        root=None if root is None else fields.joint("root", root, joints),
    )
    declared = CocoFormat(
        skeleton=skeleton,
        annotations=toml_path.parent / fields.path("annotations"),
        images=toml_path.parent / fields.path("images"),
        keypoints_cam=fields.text("keypoints_cam", default=None),
        focal=fields.text("focal", default=None),
        center=fields.text("center", default=None),
    )
    fields.refuse_others()
    if (declared.focal is None) != (declared.center is None):
        raise UserError(f"{toml_path}: 'focal' and 'center' go together; one is missing")
    if declared.keypoints_cam and root is None:
        raise UserError(f"{toml_path}: 'keypoints_cam' needs 'root', which depth is measured from")
    return declared


class _Fields:
    """Fields of a TOML file, taken one by one with their types checked."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self.file, self.content, self.taken = path, content, set[str]()

    def _take(self, name: str) -> Any:
        self.taken.add(name)
        return self.content.get(name)

    def _wrong(self, name: str, right: str) -> UserError:
        if name not in self.content:
            return UserError(f"{self.file}: lacks the field '{name}': {right}")
        return UserError(f"{self.file}: field '{name}' is {shown(self.content[name])}; {right}")

    def text(self, name: str, default: str | None = "") -> Any:
        """A string; ``default`` None allows it to be absent."""
        value = self._take(name)
        if value is None and default is None:
            return None
        if not isinstance(value, str) or not value:
            raise self._wrong(name, "a string is right")
        return value

    def path(self, name: str) -> str:
        """A path under the TOML file's folder."""
        value = self.text(name)
        if leaves_folder(value):
            raise self._wrong(name, "a path under the folder of this file is right")
        return value

    def names(self, name: str) -> list[str]:
        """A list of strings."""
        value = self._take(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of joint names is right")
        return value

    def joint(self, field: str, name: str, joints: tuple[str, ...]) -> int:
        """Index of a joint that a field names."""
        if name not in joints:
            raise UserError(f"{self.file}: field '{field}' names {name!r}, which is no joint")
        return joints.index(name)

    def pairs(self, name: str, joints: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
        """Pairs of joint indices from a list of pairs of names."""
        value = self._take(name)
        right = 'pairs of joint names such as [["L_Hip", "R_Hip"]] are right'
        if not isinstance(value, list):
            raise self._wrong(name, right)
        found = []
        for pair in value:
            if not isinstance(pair, list) or len(pair) != 2:
                raise self._wrong(name, right)
            first, second = (self.joint(name, joint, joints) for joint in pair)
            if first == second:
                raise UserError(f"{self.file}: field '{name}' pairs {pair[0]!r} with itself")
            found.append((first, second))
        return tuple(found)

    def refuse_others(self) -> None:
        """Raise where the file has a field that means nothing: most likely a slip of the pen."""
        others = sorted(set(self.content) - self.taken)
        if others:
            known = ", ".join(sorted(self.taken))
            raise UserError(f"{self.file}: unknown field '{others[0]}'; known are {known}")
