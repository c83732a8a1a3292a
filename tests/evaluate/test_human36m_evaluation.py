"""Human3.6M's figures on hand-worked errors, and refusals."""

import numpy as np
import pytest

from mobilehumanpose.data.human36m import PROTOCOLS
from mobilehumanpose.errors import UserError
from mobilehumanpose.evaluate.human36m import (
    HUMAN36M_17,
    MPJPE,
    PA_RIGID,
    PA_SIMILARITY,
    evaluate_human36m,
)
from mobilehumanpose.skeleton import COCO_19, HUMAN36M_18

TAGS = {"action": [2, 2, 3, 16], "subject": [9, 11, 9, 11]}


@pytest.fixture
def truth_mm(make_people):
    return make_people(4, 18)


@pytest.fixture
def samples(truth_mm, make_samples):
    return make_samples(truth_mm, HUMAN36M_18, image_tags=TAGS)


def test_a_perfect_prediction_has_no_error(samples, truth_mm, make_predictions):
    result = evaluate_human36m(
        samples, make_predictions(truth_mm, HUMAN36M_18), protocol=PROTOCOLS[2]
    )
    assert list(result.headline) == [MPJPE, PA_RIGID, PA_SIMILARITY]
    assert list(result.headline.values()) == pytest.approx([0, 0, 0], abs=0.01)


def test_frames_count_the_same_and_the_pelvis_counts_as_no_error(
    samples, truth_mm, make_predictions
):
    predicted = truth_mm.copy()
    predicted[:, 1:17] += [0, 34, 0]  # all but the pelvis, in both frames of Directions
    predicted[2:] = truth_mm[2:]
    predicted[3, 17] += 9999  # the Thorax is not evaluated
    result = evaluate_human36m(
        samples, make_predictions(predicted, HUMAN36M_18), protocol=PROTOCOLS[2]
    )
    actions, joints = result.tables
    assert result.headline[MPJPE] == pytest.approx(34 * 16 / 17 / 2, abs=0.01)
    mpjpe = dict(zip(actions.row_names, actions.values[:, 0], strict=True))
    assert mpjpe["Directions"] == pytest.approx(32, abs=0.01)
    assert mpjpe["Discussion"] == pytest.approx(0, abs=0.01)
    assert mpjpe["WalkTogether"] == pytest.approx(0, abs=0.01)
    assert np.isnan(mpjpe["Sitting"])
    assert mpjpe["All"] == pytest.approx(16, abs=0.01)  # not the mean of the three actions
    assert any("Sitting" in warning for warning in result.warnings)
    assert joints.values[:, 0] == pytest.approx([0] + [17] * 16, abs=0.01)
    np.testing.assert_allclose(result.joint_errors[0], [0] + [34] * 16, atol=0.01)


def test_predictions_may_be_shuffled_turned_and_grown(samples, truth_mm, make_predictions):
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    predicted = 1.1 * (truth_mm @ turn.T) + 500
    order = np.array([2, 0, 3, 1])
    predictions = make_predictions(predicted[order], HUMAN36M_18, order)
    result = evaluate_human36m(samples, predictions, protocol=PROTOCOLS[2])
    assert result.headline[PA_SIMILARITY] == pytest.approx(0, abs=0.01)
    # Without scale, a tenth of the mean distance from the centre of all 18 joints remains.
    from_centre = truth_mm - truth_mm.mean(axis=1, keepdims=True)
    left = 0.1 * np.linalg.norm(from_centre, axis=-1)[:, :17].mean()
    assert result.headline[PA_RIGID] == pytest.approx(left, abs=0.01)
    assert result.headline[MPJPE] > 100
    np.testing.assert_array_equal(order[result.people_index], result.image_index)


def test_the_thorax_takes_part_in_the_alignment_only_where_it_is_predicted(
    samples, truth_mm, make_predictions
):
    predicted = truth_mm.copy()
    predicted[:, 17] += [900, 0, 0]
    with_thorax = make_predictions(predicted, HUMAN36M_18)
    without = make_predictions(predicted[:, :17], HUMAN36M_17)
    rigid = [
        evaluate_human36m(samples, p, protocol=PROTOCOLS[2]).headline[PA_RIGID]
        for p in (with_thorax, without)
    ]
    assert rigid[0] > 10
    assert rigid[1] == pytest.approx(0, abs=0.01)


def test_the_first_protocol_quotes_the_rigid_error_of_s11(truth_mm, make_samples, make_predictions):
    samples = make_samples(
        truth_mm, HUMAN36M_18, image_tags={"action": [2, 3, 4, 5], "subject": [11] * 4}
    )
    predictions = make_predictions(
        truth_mm + [[[0, 0, 0]], [[5, 0, 0]], [[0] * 3], [[0] * 3]], HUMAN36M_18
    )
    result = evaluate_human36m(samples, predictions, protocol=PROTOCOLS[1])
    assert next(iter(result.headline)) == PA_RIGID
    for part in ("tested on S11", "S9, tested", "64th", "17 joints", "no scale"):
        assert part in result.protocol
    with pytest.raises(UserError, match="S9"):
        evaluate_human36m(
            make_samples(truth_mm, HUMAN36M_18, image_tags=TAGS), predictions, protocol=PROTOCOLS[1]
        )
    with_s11_only = evaluate_human36m(samples, predictions, protocol=PROTOCOLS[2])
    assert any("S9" in warning for warning in with_s11_only.warnings)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([0, 1, 2], r"3\.jpg \(image_id 103\): has no prediction"),
        ([0], r"1\.jpg \(image_id 101\): has no prediction \(and 2 images more\)"),
        ([0, 1, 2, 3, 1], r"1\.jpg \(image_id 101\): has more than one prediction"),
        ([0, 1, 2, 4], "images 0 to 3"),
    ],
)
def test_predictions_are_one_for_each_image(
    images, message, samples, make_people, make_predictions
):
    predictions = make_predictions(make_people(len(images), 18), HUMAN36M_18, images)
    with pytest.raises(UserError, match=message):
        evaluate_human36m(samples, predictions, protocol=PROTOCOLS[2])


def test_what_cannot_be_measured_is_refused(samples, truth_mm, make_samples, make_predictions):
    good = make_predictions(truth_mm, HUMAN36M_18)
    with pytest.raises(UserError, match="coco-19.*Torso"):
        evaluate_human36m(
            samples,
            make_predictions(np.zeros((4, 19, 3)) + [0, 0, 1], COCO_19),
            protocol=PROTOCOLS[2],
        )
    broken = truth_mm.copy()
    broken[2, 5, 1] = np.nan
    with pytest.raises(UserError, match=r"2\.jpg.*keypoints_(px|mm).*not finite"):
        evaluate_human36m(samples, make_predictions(broken, HUMAN36M_18), protocol=PROTOCOLS[2])
    with pytest.raises(UserError, match="action"):
        evaluate_human36m(make_samples(truth_mm, HUMAN36M_18), good, protocol=PROTOCOLS[2])
    with pytest.raises(UserError, match=r"1\.jpg.*action 17"):
        evaluate_human36m(
            make_samples(truth_mm, HUMAN36M_18, image_tags={"action": [2, 17, 2, 2]}),
            good,
            protocol=PROTOCOLS[2],
        )
    unknown = make_samples(truth_mm, HUMAN36M_18, image_tags=TAGS)
    unknown.has_depth[3, 2] = False
    with pytest.raises(UserError, match=r"3\.jpg.*3D truth"):
        evaluate_human36m(unknown, good, protocol=PROTOCOLS[2])
