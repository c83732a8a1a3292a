"""COCO's file of results: there and back, and what is no such file."""

import json

import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.evaluate.coco_results import read_coco_results, write_coco_results
from mobilehumanpose.skeleton import COCO_19, MUCO_21


@pytest.fixture
def samples(make_samples, make_people):
    return make_samples(make_people(3, 19), COCO_19)


def test_there_and_back(samples, make_people, make_predictions, tmp_path):
    path = tmp_path / "results.json"
    people = make_predictions(make_people(2, 19, 1), COCO_19, [2, 0], scores=np.array([0.5, 0.25]))
    write_coco_results(path, samples, people)
    entry = json.loads(path.read_text())[0]
    assert (entry["image_id"], entry["category_id"], entry["score"]) == (102, 1, 0.5)
    assert entry["keypoints"][2::3] == [1.0] * 17
    again = read_coco_results(path, samples)
    assert again.image_index.tolist() == [2, 0]
    assert again.scores.tolist() == [0.5, 0.25]
    np.testing.assert_allclose(again.keypoints_px, people.keypoints_px[:, :17], atol=1e-3)
    assert not again.is_absolute


def test_nobody_is_nobody(samples, tmp_path):
    path = tmp_path / "results.json"
    path.write_text("[]")
    assert len(read_coco_results(path, samples)) == 0


GOOD = {"image_id": 100, "category_id": 1, "keypoints": [1.0] * 51, "score": 1.0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "is no list"),
        ([GOOD | {"image_id": 7}], "entry 0: image_id 7 is no image"),
        ([GOOD, GOOD | {"category_id": 2}], "entry 1: category_id is 2; people have 1"),
        ([GOOD | {"keypoints": [1.0] * 50}], "entry 0: keypoints: has shape"),
        ([{k: v for k, v in GOOD.items() if k != "score"}], "lacks the field 'score'"),
    ],
)
def test_what_is_no_such_file_is_named(samples, tmp_path, content, message):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=message) as error:
        read_coco_results(path, samples)
    assert str(path) in str(error.value)


def test_joints_that_coco_has_and_a_model_lacks(samples, make_people, make_predictions, tmp_path):
    with pytest.raises(UserError, match="lack Nose, L_Eye"):
        write_coco_results(
            tmp_path / "x.json", samples, make_predictions(make_people(1, 21), MUCO_21)
        )
