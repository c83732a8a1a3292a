"""The truth of MuPoTS-3D: from the official files, or from labels that lack its scaled poses."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.samples import PoseSamples
from ..errors import UserError
from ..skeleton import MUPOTS_17
from .inputs import image_label, nearest_sample, true_joints_mm
from .mat_files import load_mat

_IMAGE_NAME = re.compile(r"(?:^|/)TS(\d+)/img_(\d+)\.\w+$")
_SHAPES = {"annot2": (2, 17), "annot3": (3, 17), "univ_annot3": (3, 17)}


@dataclass(frozen=True, kw_only=True)
class MupotsTruth:
    """N annotated people, those of one image side by side in the order of their annotations.

    Attributes:
        image_index: (N,) index into the images of the test set's ``PoseSamples``.
        sequence: (N,) 1 … 20, of TS1 … TS20.
        keypoints_px: (N, 17, 2).
        metric_mm: (N, 17, 3) in camera space.
        universal_mm: (N, 17, 3) the same poses scaled to one height, which published 3DPCK rests
            on; None where the source lacks them.
        sample_index: (N,) index into those samples, the label that lies where the person does; −1
            where there is none.
        occluded: (N, 17); None where the source does not tell.
        warnings: what was left out, a sentence each.
    """

    image_index: NDArray[np.integer]
    sequence: NDArray[np.integer]
    keypoints_px: NDArray[np.float64]
    metric_mm: NDArray[np.float64]
    universal_mm: NDArray[np.float64] | None
    sample_index: NDArray[np.integer]
    occluded: NDArray[np.bool_] | None
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_samples(cls, samples: PoseSamples) -> MupotsTruth:
        """Truth from labels, which hold metric poses only.

        Raises:
            UserError: an image is none of MuPoTS-3D, or somebody's 3D truth is incomplete.
        """
        frames = mupots_frames(samples)
        order = np.argsort(samples.image_index, kind="stable")
        joints = samples.skeleton.indices(MUPOTS_17.joint_names)
        image_index = samples.image_index[order]
        return cls(
            image_index=image_index,
            sequence=np.array([frames[image][0] for image in image_index], np.int64),
            keypoints_px=samples.keypoints_px[order][:, joints].astype(np.float64),
            metric_mm=true_joints_mm(samples, MUPOTS_17)[order],
            universal_mm=None,
            sample_index=order,
            occluded=None,
        )


def mupots_frames(samples: PoseSamples) -> list[tuple[int, int]]:
    """(sequence, frame) of each image, from names that end in ``TS1/img_000000.jpg``.

    Raises:
        UserError: a name is not of that form.
    """
    frames = []
    for image, name in enumerate(samples.image_names):
        match = _IMAGE_NAME.search(name.decode())
        if not match:
            raise UserError(
                f"{image_label(samples, image)}: no image of MuPoTS-3D, "
                "whose names end in TS1/img_000000.jpg"
            )
        frames.append((int(match[1]), int(match[2])))
    return frames


def read_mupots_truth(folder: Path, samples: PoseSamples) -> MupotsTruth:
    """Read ``TS*/annot.mat`` and ``TS*/occlusion.mat`` of the official MultiPersonTestSet.

    Row i of ``annotations`` is frame ``img_{i:06d}.jpg``. People without ``isValidFrame`` are left
    out, as the official evaluation does.

    Args:
        folder: ``MultiPersonTestSet``.
        samples: whose images the predictions count; only their sequences are read.

    Raises:
        UserError: a file is absent or damaged, or a field has the wrong shape.
    """
    image_of_frame = {frame: image for image, frame in enumerate(mupots_frames(samples))}
    rows: list[tuple[int, int, dict[str, NDArray[np.float64]], NDArray[np.bool_]]] = []
    left_out: Counter[int] = Counter()
    for sequence in sorted({sequence for sequence, _ in image_of_frame}):
        path = folder / f"TS{sequence}" / "annot.mat"
        annotations = _cells(path, "annotations")
        occlusion_path = path.with_name("occlusion.mat")
        occlusion = _cells(occlusion_path, "occlusion_labels")
        if occlusion.shape != annotations.shape:
            raise UserError(
                f"{occlusion_path}: occlusion_labels has {occlusion.shape} cells, "
                f"annotations of annot.mat {annotations.shape}"
            )
        for frame, person in np.ndindex(annotations.shape):
            where = (
                f"{folder / f'TS{sequence}' / 'annot.mat'}: annotations{{{frame + 1},{person + 1}}}"
            )
            fields = _person(annotations[frame, person], where)
            if fields is None:
                continue
            labels = np.asarray(occlusion[frame, person]).reshape(-1)
            if labels.shape != (17,):
                raise UserError(
                    f"{occlusion_path}: occlusion_labels{{{frame + 1},{person + 1}}} has "
                    f"{labels.size} values, not 17"
                )
            image = image_of_frame.get((sequence, frame))
            if image is None:
                left_out[sequence] += 1
            else:
                rows.append((image, sequence, fields, labels != 0))

    def stacked(name: str, width: int) -> NDArray[np.float64]:
        return np.array([fields[name] for _, _, fields, _ in rows]).reshape(-1, 17, width)

    sample_index = [
        nearest_sample(samples, image, fields["annot2"], MUPOTS_17) for image, _, fields, _ in rows
    ]
    return MupotsTruth(
        image_index=np.array([row[0] for row in rows], np.int64),
        sequence=np.array([row[1] for row in rows], np.int64),
        keypoints_px=stacked("annot2", 2),
        metric_mm=stacked("annot3", 3),
        universal_mm=stacked("univ_annot3", 3),
        sample_index=np.array(sample_index, np.int64),
        occluded=np.array([row[3] for row in rows], bool).reshape(-1, 17),
        warnings=tuple(
            f"TS{sequence}: {count} annotated people are in frames that the list of images lacks."
            for sequence, count in left_out.items()
        ),
    )


def _cells(path: Path, name: str) -> NDArray[np.object_]:
    """A MATLAB cell array, (frames, people)."""
    cells = load_mat(path).get(name)
    if not isinstance(cells, np.ndarray) or cells.dtype != object or cells.ndim != 2:
        raise UserError(f"{path}: has no cell array {name!r} of frames × people")
    return cells


def _person(cell: Any, where: str) -> dict[str, NDArray[np.float64]] | None:
    """(17, 2 or 3) joints of one annotation by field; None where it is not valid."""
    names = getattr(getattr(cell, "dtype", None), "names", None) or ()
    missing = [name for name in (*_SHAPES, "isValidFrame") if name not in names]
    if missing or cell.size != 1:
        raise UserError(f"{where}: is no struct with {', '.join(missing) or 'one element'}")
    struct = cell.reshape(-1)[0]
    if not np.any(struct["isValidFrame"]):
        return None
    fields = {}
    for name, shape in _SHAPES.items():
        values = np.asarray(struct[name])
        if values.shape != shape or values.dtype.kind not in "fiu":
            raise UserError(f"{where}.{name}: has shape {values.shape}, not {shape} numbers")
        if not np.isfinite(values).all():
            raise UserError(f"{where}.{name}: holds a number that is not finite")
        fields[name] = values.T.astype(np.float64)
    return fields
