"""RootNet's files of boxes and roots, evaluated as they are."""

import json

import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.evaluate.root_files import read_bbox_root_predictions
from mobilehumanpose.evaluate.roots import evaluate_mrpe, evaluate_root_ap
from mobilehumanpose.skeleton import MUPOTS_17


@pytest.fixture
def truth_mm(make_people):
    return make_people(3, 17)


@pytest.fixture
def samples(truth_mm, make_samples):
    return make_samples(truth_mm, MUPOTS_17)


def write(path, roots_mm, image_ids=(100, 101, 102), scores=None):
    entries = [
        {"image_id": image_id, "bbox": [0, 0, 10, 10], "root_cam": list(root)}
        for image_id, root in zip(image_ids, roots_mm, strict=True)
    ]
    for entry, score in zip(entries, scores or [], strict=False):
        entry["score"] = score
    path.write_text(json.dumps(entries))
    return path


def test_roots_are_predictions_of_one_joint(tmp_path, samples, truth_mm):
    roots_mm = truth_mm[:, MUPOTS_17.root] + [[0, 0, 30], [0, 40, 0], [0, 0, 260]]
    path = write(tmp_path / "bbox_root.json", roots_mm)
    people = read_bbox_root_predictions(path, samples, one_per_image=True)
    assert evaluate_mrpe(samples, people).headline["MRPE, mm"] == pytest.approx(110, abs=0.01)
    moved = samples.keypoints_px[0, MUPOTS_17.root] - people.keypoints_px[0, 0]
    assert 0 < np.linalg.norm(moved) < 5
    people = read_bbox_root_predictions(path, samples, one_per_image=False)
    assert evaluate_root_ap(samples, people).headline["AP_root@25cm, %"] == pytest.approx(200 / 3)


def test_scores_decide_the_order(tmp_path, samples, truth_mm):
    roots_mm = truth_mm[[0, 1, 2], MUPOTS_17.root] + [[0, 0, 0], [0, 0, 0], [0, 0, 900]]
    for scores, expected in (((0.9, 0.8, 0.1), 2 / 3), ((0.2, 0.1, 0.9), (1 / 2 + 2 / 3) / 3)):
        path = write(tmp_path / "b.json", roots_mm, scores=scores)
        people = read_bbox_root_predictions(path, samples, one_per_image=False)
        figures = evaluate_root_ap(samples, people).headline
        assert figures["AP_root@25cm, %"] == pytest.approx(100 * expected)


@pytest.mark.parametrize("one_per_image", [True, False])
def test_files_that_do_not_fit_are_named(tmp_path, samples, truth_mm, one_per_image):
    roots_mm = truth_mm[:, MUPOTS_17.root]
    path = write(tmp_path / "b.json", roots_mm, (100, 101, 999))
    message = "image_id 102: has 0 boxes" if one_per_image else "field 'image_id' is 999"
    with pytest.raises(UserError, match=message):
        read_bbox_root_predictions(path, samples, one_per_image=one_per_image)
    path = write(tmp_path / "b.json", roots_mm * [1, 1, -1])
    with pytest.raises(UserError, match="behind the camera"):
        read_bbox_root_predictions(path, samples, one_per_image=one_per_image)
