"""Human3.6M: people in a studio before four cameras, with 3D labels from motion capture.

The files are those that 3DMPPE distributes: for each subject a list of frames, the cameras, and
the joints in world space.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..geometry import project
from ..skeleton import HUMAN36M_18
from .annotations import MISSING, OnProblem, Problem, Table, read_coco, read_json, refuse
from .assemble import ImageColumns, assemble, image_columns
from .human36m_cameras import read_cameras, resolve_translation
from .images import ImageFolder
from .samples import PoseDataset

#: The dataset's actions by the number that its files give them.
ACTIONS = {
    2: "Directions",
    3: "Discussion",
    4: "Eating",
    5: "Greeting",
    6: "Phoning",
    7: "Posing",
    8: "Purchases",
    9: "Sitting",
    10: "SittingDown",
    11: "Smoking",
    12: "Photo",
    13: "Waiting",
    14: "Walking",
    15: "WalkDog",
    16: "WalkTogether",
}
#: Subject, action, subaction and camera of the sequence whose recording is damaged.
DAMAGED = (11, 2, 2, 1)
#: The files hold all joints but the last, the Thorax, which is midway between the shoulders.
NUM_LABELLED = 17


@dataclass(frozen=True, kw_only=True)
class Human36MProtocol:
    """Who is trained on and tested, and what is measured.

    Other projects use the same numbers for other things.

    Attributes:
        number: MobileHumanPose's and 3DMPPE's name of it.
        train_subjects: of the training set.
        test_subjects: of the test set.
        metric: ``"mpjpe"``, or ``"pa_mpjpe_rigid"``: aligned by rotation and shift, not scale.
        train_stride: every how manieth frame is trained on.
        test_stride: every how manieth frame is tested.
    """

    number: int
    train_subjects: tuple[int, ...]
    test_subjects: tuple[int, ...]
    metric: Literal["mpjpe", "pa_mpjpe_rigid"]
    train_stride: int = 5
    test_stride: int = 64


PROTOCOLS = {
    1: Human36MProtocol(
        number=1,
        train_subjects=(1, 5, 6, 7, 8, 9),
        test_subjects=(11,),
        metric="pa_mpjpe_rigid",
    ),
    2: Human36MProtocol(
        number=2, train_subjects=(1, 5, 6, 7, 8), test_subjects=(9, 11), metric="mpjpe"
    ),
}


def load_human36m(
    data_root: Path,
    split: Literal["train", "test"],
    protocol: Literal[1, 2] = 2,
    stride: int | None = None,
    *,
    on_problem: OnProblem = refuse,
) -> PoseDataset:
    """One part of Human3.6M, from ``Human36M/annotations/Human36M_subject*.json``.

    ``image_tags`` holds ``subject``, ``action`` (2 … 16), ``subaction``, ``camera`` and ``frame``
    (from 0).

    Args:
        data_root: the folder that holds ``Human36M``.
        split: which part.
        protocol: which of MobileHumanPose's protocols, a key of ``PROTOCOLS``.
        stride: every how manieth frame; the protocol's when None.
        on_problem: is told what is wrong; the default stops at the first.

    Raises:
        UserError: from ``on_problem``.
    """
    chosen = PROTOCOLS[protocol]
    subjects = chosen.train_subjects if split == "train" else chosen.test_subjects
    if stride is None:
        stride = chosen.train_stride if split == "train" else chosen.test_stride
    folder = data_root / "Human36M"
    parts = [_read_subject(folder / "annotations", s, stride, on_problem) for s in subjects]
    columns = ImageColumns(
        ids=np.concatenate([part.images.ids for part in parts]),
        ok=np.concatenate([part.images.ok for part in parts]),
        names=np.concatenate([part.images.names for part in parts]),
        sizes=np.concatenate([part.images.sizes for part in parts]),
        cameras=np.concatenate([part.images.cameras for part in parts]),
        tags={tag: np.concatenate([part.images.tags[tag] for part in parts]) for tag in _TAGS},
    )
    ids, counts = np.unique(columns.ids[columns.ok], return_counts=True)
    for image_id in ids[counts > 1]:
        message = "field 'id' is that of images of two subjects; each image needs its own"
        where = f"image {image_id}"
        on_problem(Problem(file=folder / "annotations", where=where, message=message))
    starts = np.cumsum([0, *(len(part.images.ids) for part in parts)])
    keypoints_px = np.concatenate([part.keypoints_px for part in parts])
    samples = assemble(
        HUMAN36M_18,
        columns,
        usable=np.concatenate([part.usable for part in parts]),
        image_index=np.concatenate(
            [part.image_index + start for part, start in zip(parts, starts[:-1], strict=True)]
        ),
        boxes_xywh=np.concatenate([part.boxes_xywh for part in parts]),
        keypoints_px=keypoints_px,
        # Joints that a body hides are known as well as others: they come from motion capture.
        has_px=np.ones(keypoints_px.shape[:2], bool),
        keypoints_mm=np.concatenate([part.keypoints_mm for part in parts]),
    )
    return PoseDataset(name="human36m", samples=samples, images=ImageFolder(folder / "images"))


def human36m_bbox_root(data_root: Path) -> Path:
    """The file of detected boxes and roots, one per image of the test set."""
    return data_root / "Human36M" / "bbox_root" / "bbox_root_human36m_output.json"


#: Fields of each image that become ``image_tags``.
_TAGS = {
    "subject": "subject",
    "action": "action_idx",
    "subaction": "subaction_idx",
    "camera": "cam_idx",
    "frame": "frame_idx",
}


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """The chosen frames of one subject: M images, N people; fields as in ``assemble``."""

    images: ImageColumns
    usable: NDArray[np.bool_]
    image_index: NDArray[np.intp]
    boxes_xywh: NDArray[np.float32]
    keypoints_px: NDArray[np.float64]
    keypoints_mm: NDArray[np.float64]


def _read_subject(folder: Path, subject: int, stride: int, on_problem: OnProblem) -> _Subject:
    stem = f"Human36M_subject{subject}"
    images, people = read_coco(folder / f"{stem}_data.json", on_problem)
    tags = {tag: images.integers(field).astype(np.int32) for tag, field in _TAGS.items()}
    for at in np.flatnonzero((tags["subject"] != subject) & images.ok):
        message = f"field 'subject' is {tags['subject'][at]}; {subject} is right in this file"
        images.refuse_row(at, message)
    sequence = np.stack([tags[tag] for tag in ("subject", "action", "subaction", "camera")], axis=1)
    taken = images.ok & (tags["frame"] % stride == 0) & ~(sequence == DAMAGED).all(axis=1)

    # Frames that are not taken go before anything is computed: 4 of 5, or 63 of 64.
    index = people.refer_to("image_id", images)
    shown_in_taken = people.ok & taken[index]
    people, images = people.select(shown_in_taken), images.select(taken)
    index = (np.cumsum(taken) - 1)[index[shown_in_taken]]
    tags = {tag: values[taken] for tag, values in tags.items()}

    cameras = np.full((len(images), 4), np.nan, np.float32)
    columns = image_columns(images, cameras=cameras, tags=tags)  # cameras are filled in below
    people.ok &= images.ok[index]
    boxes = people.crop_boxes(columns.sizes[index])
    world_mm = _world_joints(folder / f"{stem}_joint_3d.json", people, index, tags, on_problem)
    keypoints_mm, keypoints_px = np.zeros_like(world_mm), np.zeros_like(world_mm[..., :2])
    camera_path = folder / f"{stem}_camera.json"
    written = read_cameras(camera_path, on_problem)
    seen_by = tags["camera"][index]
    for number in np.unique(seen_by[people.ok]).tolist():
        seen = (seen_by == number) & people.ok
        camera = written.get(number)
        if camera is None:
            message = f"is missing or unusable; {int(seen.sum())} images are from it"
            on_problem(Problem(file=camera_path, where=f"camera {number}", message=message))
        else:
            camera = resolve_translation(
                camera, world_mm[seen], boxes[seen], camera_path, number, on_problem
            )
        if camera is None:
            people.ok &= ~seen
            continue
        keypoints_mm[seen] = camera.joints_mm(world_mm[seen])
        keypoints_px[seen] = project(keypoints_mm[seen], camera.intrinsics)
        cameras[index[seen]] = *camera.intrinsics.focal_px, *camera.intrinsics.center_px
    return _Subject(
        images=columns,
        usable=people.ok,
        image_index=index,
        boxes_xywh=boxes,
        keypoints_px=keypoints_px,
        keypoints_mm=keypoints_mm,
    )


def _world_joints(
    path: Path,
    people: Table,
    image_index: NDArray[np.intp],
    tags: dict[str, NDArray[np.int32]],
    on_problem: OnProblem,
) -> NDArray[np.float64]:
    """(N, 18, 3) mm in world space, from {action: {subaction: {frame: joints}}}."""
    content = read_json(path, on_problem)
    frames = np.stack([tags["action"], tags["subaction"], tags["frame"]], axis=1)[image_index]

    def joints_of(keys: list[int]) -> Any:
        found = content
        for key in keys:
            found = found.get(str(key), MISSING) if isinstance(found, dict) else MISSING
        return found

    def what(at: int) -> str:
        action, subaction, frame = frames[at]
        return f"its joints in {path.name} ({action}, {subaction}, {frame})"

    if content is None:  # told already; not once more for every frame
        people.ok[:] = False
    values = [joints_of(keys) for keys in frames.tolist()]
    labelled = people.column(values, (NUM_LABELLED, 3), what)
    shoulders = HUMAN36M_18.indices(["L_Shoulder", "R_Shoulder"])
    return np.concatenate([labelled, labelled[:, shoulders].mean(axis=1, keepdims=True)], axis=1)
