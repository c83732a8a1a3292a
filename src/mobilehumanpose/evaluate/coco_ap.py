"""Keypoint AP of COCO, by pycocotools."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ..data.samples import PoseSamples
from ..errors import UserError
from ..skeleton import COCO_19, Skeleton
from .inputs import checked_numbers, nearest_sample, predicted_joints, unique_images
from .predictions import Predictions
from .results import EvaluationResult, ResultTable

#: The 17 labelled joints: Thorax and Pelvis of the 19 are derived from them.
COCO_17 = Skeleton(
    name="coco-17",
    joint_names=COCO_19.joint_names[:17],
    edges=COCO_19.edges,
    flip_pairs=COCO_19.flip_pairs,
    root=None,
)
#: COCO's category of people.
PERSON = 1
#: Fields that the evaluation computes with, and their shapes.
_NUMBERS: dict[str, tuple[int, ...]] = {
    "keypoints": (51,),
    "bbox": (4,),
    "area": (),
    "num_keypoints": (),
    "iscrowd": (),
}
#: In the order of ``COCOeval.stats``; AP and AR are means over OKS 0.50, 0.55, … 0.95.
_STATS = ("AP", "AP50", "AP75", "AP medium", "AP large", "AR", "AR50", "AR75", "AR medium",
          "AR large")  # fmt: skip


def evaluate_coco_keypoints(
    annotation_file: Path, samples: PoseSamples, predictions: Predictions
) -> EvaluationResult:
    """Average precision and recall of 2D keypoints over object keypoint similarity (OKS).

    Args:
        annotation_file: the official ``person_keypoints_*.json``: AP needs the areas, visibility
            and crowds that ``samples`` do not hold.
        samples: whose images are evaluated, and whose numbers the predictions count.
        predictions: joints of COCO by name, of people with scores.

    Returns:
        The ten official figures; ``joint_errors`` are of people matched at OKS 0.5, in px.

    Raises:
        UserError: the file is no COCO keypoint file or lacks an image, or joints are missing.
    """
    keypoints_px, _ = predicted_joints(predictions, COCO_17, samples)
    image_of = unique_images(samples.image_ids.tolist(), samples)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports to it
        truth = _load_truth(annotation_file)
        unknown = sorted(set(image_of) - set(truth.imgs))
        if unknown:
            raise UserError(f"{annotation_file}: lacks image {unknown[0]} of the test set")
        evaluation = COCOeval(
            truth, _as_coco(truth, keypoints_px, samples, predictions), "keypoints"
        )
        evaluation.params.imgIds = sorted(image_of)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    # −1 stands for nothing to find, such as no large person.
    stats = [100 * float(value) if value >= 0 else float("nan") for value in evaluation.stats]
    people, rows = _matches(evaluation)
    images = [image_of[truth.anns[i]["image_id"]] for i in people]
    labels = [
        nearest_sample(
            samples, image, np.reshape(truth.anns[i]["keypoints"], (17, 3))[:, :2], COCO_17
        )
        for i, image in zip(people, images, strict=True)
    ]
    elsewhere = {a["image_id"] for a in truth.anns.values() if a["num_keypoints"]} - set(image_of)
    return EvaluationResult(
        protocol="COCO keypoints: 17 joints, OKS 0.50 to 0.95, at most 20 people an image",
        headline={f"{name}, %": value for name, value in zip(_STATS, stats, strict=True)},
        tables=(
            ResultTable(
                title="COCO keypoint AP and AR",
                unit="%",
                row_names=("all",),
                column_names=_STATS,
                values=np.array([stats]),
                higher_is_better=True,
            ),
        ),
        joint_names=COCO_17.joint_names,
        joint_errors=_joint_errors([truth.anns[i] for i in people], rows, keypoints_px),
        error_unit="px",
        image_index=np.array(images, np.int64),
        people_index=rows,
        sample_index=np.array(labels, np.int64),
        warnings=(
            (f"{len(elsewhere)} images of {annotation_file.name} with people were not evaluated.",)
            if elsewhere
            else ()
        ),
    )


def _load_truth(path: Path) -> COCO:
    try:
        dataset = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no JSON: {error}") from None
    truth = COCO()
    try:
        dataset["annotations"] = [a for a in dataset["annotations"] if a["category_id"] == PERSON]
        for annotation in dataset["annotations"]:
            where = f"{path}: annotation {annotation['id']}"
            for name, shape in _NUMBERS.items():
                checked_numbers(annotation[name], shape, f"{where}: {name}")
        dataset["categories"] = [{"id": PERSON, "name": "person"}]  # which pycocotools asks for
        truth.dataset = dataset
        truth.createIndex()
    except (TypeError, KeyError) as error:
        raise UserError(f"{path}: no COCO keypoint annotations: {error}") from None
    return truth


def _as_coco(
    truth: COCO,
    keypoints_px: NDArray[np.float64],
    samples: PoseSamples,
    predictions: Predictions,
) -> COCO:
    """The predictions as pycocotools reads them; row r has id r + 1."""
    if not len(predictions):  # which its loadRes cannot take
        nobody = COCO()
        nobody.dataset = {**truth.dataset, "annotations": []}
        nobody.createIndex()
        return nobody
    return truth.loadRes(coco_entries(keypoints_px, samples, predictions))


def coco_entries(
    keypoints_px: NDArray[np.float64], samples: PoseSamples, predictions: Predictions
) -> list[dict[str, Any]]:
    """People with (P, 17, 2) ``keypoints_px`` as COCO's result files list them.

    The visibility that stands behind x and y is always 1: nobody looks at it.
    """
    return [
        {
            "image_id": int(samples.image_ids[image]),
            "category_id": PERSON,
            "keypoints": np.insert(joints, 2, 1, axis=1).reshape(-1).tolist(),
            "score": float(score),
        }
        for image, joints, score in zip(
            predictions.image_index, keypoints_px, predictions.scores, strict=True
        )
    ]


def _matches(evaluation: COCOeval) -> tuple[list[int], NDArray[np.int64]]:
    """Ids of the true people that count, and the row matched to each at OKS 0.5, −1 for none."""
    people, rows = [], []
    whole_range = evaluation.params.areaRng[0]
    for image in evaluation.evalImgs:
        if image is None or image["aRng"] != whole_range:
            continue
        counts = ~np.asarray(image["gtIgnore"], bool)
        people += [i for i, counted in zip(image["gtIds"], counts, strict=True) if counted]
        rows += (image["gtMatches"][0][counts].astype(int) - 1).tolist()
    return people, np.array(rows, np.int64)


def _joint_errors(
    people: list[dict[str, Any]], rows: NDArray[np.int64], keypoints_px: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N, 17) px between labelled joints and those of the matched prediction, else NaN."""
    true = np.array([person["keypoints"] for person in people], np.float64).reshape(-1, 17, 3)
    errors = np.full((len(people), 17), np.nan)
    found = rows >= 0
    distances = np.linalg.norm(true[found, :, :2] - keypoints_px[rows[found]], axis=-1)
    errors[found] = np.where(true[found, :, 2] > 0, distances, np.nan)
    return errors
