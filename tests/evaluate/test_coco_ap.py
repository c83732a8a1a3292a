"""Keypoint AP: hand-worked similarities, and another evaluator as the oracle."""

import json
from pathlib import Path

import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.evaluate.coco_ap import evaluate_coco_keypoints
from mobilehumanpose.skeleton import COCO_19, MUCO_21

#: Of the 17 joints, as published with COCO; OKS is the mean of exp(−d² / (2 · area · (2σ)²)).
SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000


def write_annotations(path: Path, people: list[dict]) -> Path:
    images = [{"id": 100 + i, "width": 1000, "height": 1000} for i in range(3)]
    annotations = [
        {"id": 1 + i, "category_id": 1, "iscrowd": 0, "bbox": [0, 0, 200, 200]} | person
        for i, person in enumerate(people)
    ]
    categories = [{"id": 1, "name": "person"}]
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return path


def person(joints_px: np.ndarray, image: int, area: float = 40_000, visible: int = 2) -> dict:
    keypoints = np.insert(joints_px[:17], 2, visible, axis=1)
    return {
        "image_id": 100 + image,
        "area": area,
        "keypoints": keypoints.reshape(-1).tolist(),
        "num_keypoints": 17 if visible else 0,
    }


@pytest.fixture
def joints_px():
    return np.random.default_rng(0).uniform(100, 400, (4, 19, 2))


@pytest.fixture
def samples(make_samples, make_people):
    return make_samples(make_people(3, 19), COCO_19)


@pytest.fixture
def predict(make_predictions, make_people):
    def make(px: np.ndarray, image_index: list[int], scores=None):
        scores = np.ones(len(px)) if scores is None else np.array(scores, float)
        mm = make_people(len(px), 19)
        return make_predictions(mm, COCO_19, image_index, keypoints_px=px, scores=scores)

    return make


def moved_to(oks: float, joints_px: np.ndarray, area: float) -> np.ndarray:
    """The joints, each moved until its similarity is ``oks``."""
    distance = np.sqrt(-2 * np.log(oks) * area) * 2 * SIGMAS
    moved = joints_px.copy()
    moved[:17, 0] += distance
    return moved


def test_precision_by_similarity(tmp_path, joints_px, samples, predict):
    path = write_annotations(
        tmp_path / "kp.json", [person(joints_px[0], 0), person(joints_px[1], 1)]
    )
    px = np.stack([joints_px[0], moved_to(0.77, joints_px[1], 40_000)])
    result = evaluate_coco_keypoints(path, samples, predict(px, [0, 1]))
    # The second is right at 6 of the 10 thresholds; at the other 4, half of all people are found.
    assert result.headline["AP50, %"] == pytest.approx(100)
    assert result.headline["AP75, %"] == pytest.approx(100)
    assert result.headline["AR, %"] == pytest.approx(80)
    assert result.headline["AP, %"] == pytest.approx((6 + 4 * 51 / 101) * 10)
    assert np.isnan(result.headline["AP medium, %"])
    assert result.people_index.tolist() == [0, 1]
    np.testing.assert_allclose(
        result.joint_errors[1], np.sqrt(-2 * np.log(0.77) * 40_000) * 2 * SIGMAS
    )


def test_people_without_labels_and_crowds_do_not_count(tmp_path, joints_px, samples, predict):
    unlabelled = person(joints_px[1], 0, visible=0)
    crowd = person(joints_px[2], 1) | {"iscrowd": 1}
    path = write_annotations(tmp_path / "kp.json", [person(joints_px[0], 0), unlabelled, crowd])
    result = evaluate_coco_keypoints(path, samples, predict(joints_px[[0, 2]], [0, 1], [0.5, 0.9]))
    assert result.headline["AP, %"] == pytest.approx(100)
    assert len(result.joint_errors) == 1


def test_nobody_predicted_and_images_left_out(
    tmp_path, joints_px, samples, predict, make_samples, make_people
):
    path = write_annotations(
        tmp_path / "kp.json", [person(joints_px[0], 0), person(joints_px[1], 2)]
    )
    result = evaluate_coco_keypoints(path, samples, predict(joints_px[:0], []))
    assert result.headline["AP, %"] == 0
    assert result.people_index.tolist() == [-1, -1]
    assert np.isnan(result.joint_errors).all()
    fewer = make_samples(make_people(2, 19), COCO_19)
    result = evaluate_coco_keypoints(path, fewer, predict(joints_px[:1], [0]))
    assert result.headline["AP, %"] == pytest.approx(100)
    assert "1 images" in result.warnings[0]


def test_another_evaluator_agrees(tmp_path, samples, predict):
    other = pytest.importorskip("faster_coco_eval")
    rng = np.random.default_rng(1)
    truth = rng.uniform(100, 400, (12, 19, 2))
    people = [
        person(joints, i % 3, area=[3000, 20_000, 60_000][i // 3 % 3])
        for i, joints in enumerate(truth)
    ]
    path = write_annotations(tmp_path / "kp.json", people)
    px = np.concatenate([truth + rng.normal(size=truth.shape) * rng.uniform(1, 9, (12, 1, 1)),
                         rng.uniform(100, 400, (5, 19, 2))])  # fmt: skip
    images = [i % 3 for i in range(17)]
    scores = rng.random(17)
    result = evaluate_coco_keypoints(path, samples, predict(px, images, scores))

    gt = other.COCO(json.loads(path.read_text()))
    entries = [
        {
            "image_id": 100 + image,
            "category_id": 1,
            "keypoints": np.insert(joints[:17], 2, 1, axis=1).reshape(-1).tolist(),
            "score": score,
        }
        for image, joints, score in zip(images, px, scores.tolist(), strict=True)
    ]
    evaluation = other.COCOeval_faster(gt, gt.loadRes(entries), "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert 20 < result.headline["AP, %"] < 80
    np.testing.assert_allclose(
        list(result.headline.values()), 100 * np.array(evaluation.stats)[:10], atol=1e-6
    )


def test_files_and_joints_that_do_not_fit_are_refused(
    tmp_path, joints_px, samples, predict, make_people, make_predictions
):
    predictions = predict(joints_px[:1], [0])
    path = tmp_path / "kp.json"
    with pytest.raises(UserError, match="kp.json: cannot be read"):
        evaluate_coco_keypoints(path, samples, predictions)
    for content in ("hello", "[]", "{}", '{"annotations": [{"id": 1}]}'):
        path.write_text(content)
        with pytest.raises(UserError, match=r"kp\.json"):
            evaluate_coco_keypoints(path, samples, predictions)
    for field, value in (("keypoints", [1, 2, 2]), ("area", "big"), ("bbox", [0, 0, 1, None])):
        write_annotations(path, [person(joints_px[0], 0) | {field: value}])
        with pytest.raises(UserError, match=f"annotation 1: {field}"):
            evaluate_coco_keypoints(path, samples, predictions)
    write_annotations(path, [person(joints_px[0], 0)])
    samples.image_ids[1] = 7
    with pytest.raises(UserError, match="lacks image 7"):
        evaluate_coco_keypoints(path, samples, predictions)
    with pytest.raises(UserError, match="lack Nose"):
        evaluate_coco_keypoints(path, samples, make_predictions(make_people(1, 21), MUCO_21))
