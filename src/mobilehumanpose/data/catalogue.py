"""The datasets by the names that people type, and how each part of them is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import UserError
from ..skeleton import COCO_19, HUMAN36M_18, MPII_16, MUCO_21, MUPOTS_17, Skeleton
from .annotations import OnProblem, Problem, refuse
from .bbox_root import read_bbox_root, with_boxes
from .coco_format import load_coco_format, read_coco_format
from .human36m import human36m_bbox_root, load_human36m
from .lspet import load_lspet, split
from .mpi_inf_3dhp import load_mpi_inf_3dhp
from .mpii import load_mpii
from .mscoco import (
    load_mscoco_test,
    load_mscoco_train,
    load_mscoco_validation,
    mscoco_bbox_root,
)
from .muco import load_muco
from .mupots import load_mupots, mupots_bbox_root
from .samples import PoseDataset
from .synth import Split, load_synth

#: Loads a part from the data folder, and tells what is wrong to its second argument.
Load = Callable[[Path, OnProblem], PoseDataset]


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is loaded at once, such as a training set.

    Attributes:
        load: loads it.
        bbox_root: path of the file of detected boxes that it rests on; None where it needs none.
    """

    load: Load
    bbox_root: Callable[[Path], Path] | None = None


@dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """A dataset that can be loaded by name.

    Attributes:
        name: what people type.
        title: what it is, in one line.
        skeleton: the joints of its labels.
        parts: by name. ``…-detected`` are test sets whose people are detected boxes.
    """

    name: str
    title: str
    skeleton: Skeleton
    parts: Mapping[str, Part]

    def part(self, name: str) -> Part:
        """The part of that name.

        Raises:
            UserError: there is none.
        """
        if name not in self.parts:
            known = ", ".join(self.parts)
            raise UserError(f"dataset {self.name!r} has no part {name!r}; it has {known}")
        return self.parts[name]

    def load(self, part: str, data_root: Path, on_problem: OnProblem = refuse) -> PoseDataset:
        """Load a part.

        Args:
            part: a key of ``parts``.
            data_root: the folder that holds ``Human36M``, ``MPII`` … in the original's layout.
            on_problem: is told what is wrong; the default stops at the first.

        Raises:
            UserError: there is no such part; or from ``on_problem``.
        """
        dataset = self.part(part).load(data_root, on_problem)
        if not len(dataset.samples):
            message = f"{self.name} {part}: there is nobody in it"
            on_problem(Problem(file=data_root, message=message))
        return dataset


def _human36m(which: Literal["train", "test"], protocol: Literal[1, 2]) -> Part:
    return Part(load=lambda root, told: load_human36m(root, which, protocol, on_problem=told))


def _detected(part: Part, bbox_root: Callable[[Path], Path], *, one_per_image: bool) -> Part:
    """A test set with the people of a file of detected boxes in place of the annotated ones."""

    def load(data_root: Path, on_problem: OnProblem) -> PoseDataset:
        dataset, path = part.load(data_root, on_problem), bbox_root(data_root)
        boxes = read_bbox_root(path, on_problem)
        samples = with_boxes(
            dataset.samples, boxes, path, one_per_image=one_per_image, on_problem=on_problem
        )
        return replace(dataset, samples=samples)

    return Part(load=load, bbox_root=bbox_root)


def _lspet(part: Literal[0, 1]) -> Part:
    def load(data_root: Path, _: OnProblem) -> PoseDataset:
        return split(load_lspet(data_root))[part]

    return Part(load=load)


def _synth(split: Split) -> Part:
    return Part(load=lambda root, told: load_synth(root, split, on_problem=told))


def _synth_test(data_root: Path, on_problem: OnProblem) -> PoseDataset:
    """Of each held-out picture the first person, which it was made for."""
    dataset = load_synth(data_root, "held-out", on_problem=on_problem)
    _, first = np.unique(dataset.samples.image_index, return_index=True)
    return replace(dataset, samples=dataset.samples.subset(first))


_COCO_VALIDATION = Part(load=lambda root, told: load_mscoco_validation(root, on_problem=told))
_MUPOTS_TEST = Part(load=lambda root, told: load_mupots(root, on_problem=told))

DATASETS = {
    entry.name: entry
    for entry in (
        DatasetEntry(
            name="human36m",
            title="Human3.6M: 3D, one person in a studio; train and test are those of protocol 2",
            skeleton=HUMAN36M_18,
            parts={
                "train": _human36m("train", 2),
                "test": _human36m("test", 2),
                "test-detected": _detected(
                    _human36m("test", 2), human36m_bbox_root, one_per_image=True
                ),
                "train-protocol1": _human36m("train", 1),
                "test-protocol1": _human36m("test", 1),
                "test-protocol1-detected": _detected(
                    _human36m("test", 1), human36m_bbox_root, one_per_image=True
                ),
            },
        ),
        DatasetEntry(
            name="mpii",
            title="MPII Human Pose: 2D",
            skeleton=MPII_16,
            parts={"train": Part(load=lambda root, told: load_mpii(root, on_problem=told))},
        ),
        DatasetEntry(
            name="mscoco",
            title="MS COCO 2017 keypoints: 2D; the test part has joints of MuPoTS and no labels",
            skeleton=COCO_19,
            parts={
                "train": Part(load=lambda root, told: load_mscoco_train(root, on_problem=told)),
                "validation": _COCO_VALIDATION,
                "validation-detected": _detected(
                    _COCO_VALIDATION, mscoco_bbox_root, one_per_image=False
                ),
                "test-detected": Part(
                    load=lambda root, told: load_mscoco_test(root, on_problem=told),
                    bbox_root=mscoco_bbox_root,
                ),
            },
        ),
        DatasetEntry(
            name="muco",
            title="MuCo-3DHP: 3D, several people composited into one picture",
            skeleton=MUCO_21,
            parts={"train": Part(load=lambda root, told: load_muco(root, on_problem=told))},
        ),
        DatasetEntry(
            name="mupots",
            title="MuPoTS-3D: 3D, several people, to test on",
            skeleton=MUPOTS_17,
            parts={
                "test": _MUPOTS_TEST,
                "test-detected": _detected(_MUPOTS_TEST, mupots_bbox_root, one_per_image=False),
            },
        ),
        DatasetEntry(
            name="mpi-inf-3dhp",
            title="MPI-INF-3DHP: 3D, one person, to test on",
            skeleton=MUPOTS_17,
            parts={"test": Part(load=lambda root, _: load_mpi_inf_3dhp(root))},
        ),
        DatasetEntry(
            name="lspet",
            title="Leeds Sports Pose Extended: 2D, with taught depth",
            skeleton=MUCO_21,
            parts={"train": _lspet(0), "validation": _lspet(1)},
        ),
        DatasetEntry(
            name="synth",
            title="Synthetic people, made by mhp data synth: 3D, one to four people",
            skeleton=MUCO_21,
            parts={
                "train": _synth("train"),
                "held-out": _synth("held-out"),
                "test": Part(load=_synth_test),
            },
        ),
    )
}


def find_dataset(name: str) -> DatasetEntry:
    """The dataset of a name, or of the path of a ``.toml`` that declares one's own.

    Raises:
        UserError: there is no such dataset, or the TOML file is wrong.
    """
    if name in DATASETS:
        return DATASETS[name]
    if not name.endswith(".toml"):
        known = ", ".join(DATASETS)
        raise UserError(f"unknown dataset {name!r}; known are {known}, or the path of a .toml file")
    path = Path(name)
    return DatasetEntry(
        name=name,
        title=f"declared by {path}",
        skeleton=read_coco_format(path).skeleton,
        parts={"train": Part(load=lambda _, told: load_coco_format(path, on_problem=told))},
    )
