"""MPI-INF-3DHP: 3DPCK, AUC and MPJPE by sequence, scene and activity."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..data.mpi_inf_3dhp import read_annotations
from ..data.samples import PoseSamples
from ..errors import UserError
from ..skeleton import MUPOTS_17
from .inputs import image_label, one_to_one, predicted_joints
from .metrics import auc3d, joint_distances, mean_known, pck3d
from .predictions import Predictions
from .results import EvaluationResult, ResultTable

FloatArray = NDArray[np.float64]

SCENES = {"Green screen": (1, 2), "No green screen": (3, 4), "Outdoor": (5, 6)}
#: By their numbers in ``activity_annotation``.
ACTIVITIES = {
    1: "Stand/Walk",
    2: "Exercise",
    3: "Sit on Chair",
    4: "Reach/Crouch",
    5: "On Floor",
    6: "Sports",
    7: "Misc",
}
SCORED_JOINTS = slice(0, 14)
ROOT = MUPOTS_17.index("Pelvis")
_FIELDS = ("valid_frame", "activity_annotation", "annot3", "univ_annot3")
_IMAGE_NAME = re.compile(r"(?:^|/)TS([1-6])/(?:imageSequence/)?img_(\d+)\.\w+$")


@dataclass(frozen=True, kw_only=True)
class Mpi3dhpTruth:
    """N valid frames, each with one person; joints in the order of MuPoTS-3D.

    Attributes:
        image_index: (N,) index into the images of the test set's ``PoseSamples``.
        sequence: (N,) 1 … 6, of TS1 … TS6.
        activity: (N,) 1 … 7, see ``ACTIVITIES``.
        metric_mm: (N, 17, 3) in camera space.
        universal_mm: (N, 17, 3) scaled to one height, which published figures rest on.
    """

    image_index: NDArray[np.int64]
    sequence: NDArray[np.int64]
    activity: NDArray[np.int64]
    metric_mm: FloatArray
    universal_mm: FloatArray


def read_mpi_inf_3dhp_truth(folder: Path, samples: PoseSamples) -> Mpi3dhpTruth:
    """Read ``TS1 … TS6/annot_data.mat`` of the official mpi_inf_3dhp_test_set.

    Frame i (from 1) is ``TS1/imageSequence/img_{i:06d}.jpg``. Frames without ``valid_frame`` are
    left out, as the official evaluation does, and so are those that ``samples`` do not list.

    Args:
        folder: ``mpi_inf_3dhp_test_set``.
        samples: whose images the predictions count; only their sequences are read.

    Raises:
        UserError: an image is of another set, a file is absent or damaged, or a field has the
            wrong shape.
    """
    images: dict[int, dict[int, int]] = {}
    for image, name in enumerate(samples.image_names):
        match = _IMAGE_NAME.search(name.decode())
        if not match:
            raise UserError(
                f"{image_label(samples, image)}: no test image of MPI-INF-3DHP, "
                "whose names end in TS1/imageSequence/img_000001.jpg"
            )
        images.setdefault(int(match[1]), {})[int(match[2])] = image
    parts = []
    for sequence, image_of_frame in sorted(images.items()):
        path = folder / f"TS{sequence}" / "annot_data.mat"
        fields = read_annotations(path, _FIELDS)
        listed = [frame for frame in sorted(image_of_frame) if frame <= len(fields["valid_frame"])]
        chosen = np.array([f - 1 for f in listed if fields["valid_frame"][f - 1]], np.int64)
        unknown = ~np.isin(fields["activity_annotation"][chosen], list(ACTIVITIES))
        if unknown.any():
            frame = int(chosen[np.argmax(unknown)])
            raise UserError(
                f"{path}: activity_annotation of frame {frame + 1} is "
                f"{fields['activity_annotation'][frame]:g}, not 1 to 7"
            )
        parts.append(
            (
                np.array([image_of_frame[frame + 1] for frame in chosen.tolist()], np.int64),
                np.full(len(chosen), sequence, np.int64),
                fields["activity_annotation"][chosen].astype(np.int64),
                fields["annot3"][chosen],
                fields["univ_annot3"][chosen],
            )
        )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Mpi3dhpTruth(
        image_index=columns[0],
        sequence=columns[1],
        activity=columns[2],
        metric_mm=columns[3],
        universal_mm=columns[4],
    )


def evaluate_mpi_inf_3dhp(
    samples: PoseSamples,
    predictions: Predictions,
    truth: Mpi3dhpTruth,
    *,
    coordinates: Literal["universal", "metric"] = "universal",
) -> EvaluationResult:
    """3DPCK and AUC over joints 0 … 13 at 150 mm, MPJPE over 17, around the pelvis.

    Args:
        samples: whose images ``truth`` and ``predictions`` count.
        predictions: one for each valid frame; others are left out.
        truth: from :func:`read_mpi_inf_3dhp_truth`.
        coordinates: which truth to compare with.

    Raises:
        UserError: a valid frame has no prediction or several, or joints are missing.
    """
    valid = np.isin(predictions.image_index, truth.image_index)
    arrays = ("image_index", "keypoints_px", "keypoints_mm", "scores")
    kept = {name: getattr(predictions, name)[valid] for name in arrays}
    chosen = replace(predictions, **kept, joint_scores=None)
    rows = one_to_one(truth.image_index, chosen, samples)
    _, predicted = predicted_joints(chosen, MUPOTS_17, samples)
    predicted = predicted[rows]
    true = truth.universal_mm if coordinates == "universal" else truth.metric_mm
    errors = joint_distances(predicted - predicted[:, [ROOT]], true - true[:, [ROOT]])

    sequences = {f"TS{number}": truth.sequence == number for number in range(1, 7)}
    scenes = {name: np.isin(truth.sequence, numbers) for name, numbers in SCENES.items()}
    activities = {name: truth.activity == number for number, name in ACTIVITIES.items()}
    groups = sequences | scenes | activities | {"All": np.ones(len(errors), bool)}
    absent = [name for name, mask in groups.items() if not mask.any()]
    rates = [
        [100 * pck3d(errors[mask, SCORED_JOINTS]), 100 * auc3d(errors[mask, SCORED_JOINTS])]
        for mask in groups.values()
    ]
    lengths = [[mean_known(errors[mask])] for mask in groups.values()]
    return EvaluationResult(
        protocol=(
            f"MPI-INF-3DHP test set, {coordinates} poses, valid frames, around the pelvis: 3DPCK "
            "at 150 mm and AUC over 14 joints, MPJPE over 17, mean over frames"
        ),
        headline={"3DPCK, %": rates[-1][0], "AUC, %": rates[-1][1], "MPJPE, mm": lengths[-1][0]},
        tables=(
            ResultTable(
                title="3DPCK at 150 mm and AUC over 0…150 mm, 14 joints",
                unit="%",
                row_names=tuple(groups),
                column_names=("3DPCK", "AUC"),
                values=np.array(rates),
                higher_is_better=True,
            ),
            ResultTable(
                title="Error of 17 joints",
                unit="mm",
                row_names=tuple(groups),
                column_names=("MPJPE",),
                values=np.array(lengths),
            ),
        ),
        joint_names=MUPOTS_17.joint_names,
        joint_errors=errors,
        error_unit="mm",
        image_index=truth.image_index,
        people_index=np.flatnonzero(valid)[rows],
        warnings=(f"No frame of {', '.join(absent)}: not measured.",) if absent else (),
    )
