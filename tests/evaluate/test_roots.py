"""Root position error and average precision of roots, by hand."""

import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.evaluate.roots import evaluate_mrpe, evaluate_root_ap
from mobilehumanpose.skeleton import LSP_14, MUPOTS_17


@pytest.fixture
def truth_mm(make_people):
    return make_people(3, 17)


def test_root_error_by_axis(truth_mm, make_samples, make_predictions):
    samples = make_samples(truth_mm, MUPOTS_17)
    predicted = truth_mm + [[[30, 0, 40]], [[0, 0, 0]], [[0, -60, 0]]]
    order = [2, 0, 1]
    result = evaluate_mrpe(samples, make_predictions(predicted[order], MUPOTS_17, order))
    assert list(result.headline.values()) == pytest.approx([110 / 3, 10, 20, 40 / 3], abs=0.01)
    assert result.joint_errors[:, 0] == pytest.approx([50, 0, 60], abs=0.01)
    with pytest.raises(UserError, match="no prediction"):
        evaluate_mrpe(samples, make_predictions(predicted[:2], MUPOTS_17))


def test_average_precision_of_roots(truth_mm, make_samples, make_predictions):
    # Two people a metre apart in one image, one in another; a third image has nobody.
    truth = np.repeat(truth_mm[:1], 3, axis=0) + [[[0, 0, 0]], [[1000, 0, 0]], [[0, 0, 0]]]
    samples = make_samples(
        truth, MUPOTS_17, image_index=[0, 0, 1], image_names=["a.jpg", "b.jpg", "c.jpg"]
    )
    predicted = np.stack(
        [
            truth[0] + [100, 0, 0],  # right
            truth[0] + [0, 0, 200],  # its person is found already
            truth[1] + [0, 0, 249],  # right
            truth[2] + [0, 0, 251],  # too far
            truth[0],  # in the image without people: does not count
        ]
    )
    predictions = make_predictions(
        predicted, MUPOTS_17, [0, 0, 0, 1, 2], scores=np.array([0.9, 0.8, 0.7, 0.95, 1.0])
    )
    result = evaluate_root_ap(samples, predictions)
    # By score: wrong (0/1), right (1/2), wrong (1/3), right (2/4); each right one adds 1/3 recall.
    assert result.headline["AP_root@25cm, %"] == pytest.approx(100 * (1 / 2 + 2 / 4) / 3)
    assert result.headline["Recall of roots@25cm, %"] == pytest.approx(200 / 3)
    assert result.people_index.tolist() == [0, 2, -1]
    np.testing.assert_allclose(result.joint_errors[:, 0], [100, 249, np.nan], atol=0.01)


def test_perfect_and_empty_predictions(truth_mm, make_samples, make_predictions):
    samples = make_samples(truth_mm, MUPOTS_17)
    perfect = evaluate_root_ap(samples, make_predictions(truth_mm, MUPOTS_17))
    assert perfect.headline["AP_root@25cm, %"] == 100
    nobody = evaluate_root_ap(samples, make_predictions(truth_mm[:0], MUPOTS_17))
    assert nobody.headline["AP_root@25cm, %"] == 0


def test_roots_that_mean_nothing(truth_mm, make_samples, make_predictions):
    samples = make_samples(truth_mm, MUPOTS_17)
    true_roots = make_predictions(truth_mm, MUPOTS_17, uses_true_roots=True)
    for evaluate in (evaluate_mrpe, evaluate_root_ap):
        assert "truth" in evaluate(samples, true_roots).warnings[0]
        with pytest.raises(UserError, match="root-relative"):
            evaluate(samples, make_predictions(truth_mm, MUPOTS_17, is_absolute=False))
        without = make_predictions(truth_mm[:, :14], LSP_14)
        with pytest.raises(UserError, match="lack Pelvis"):
            evaluate(samples, without)
        unknown = make_samples(truth_mm, MUPOTS_17)
        unknown.roots_mm[1] = np.nan
        with pytest.raises(UserError, match=r"1\.jpg.*root"):
            evaluate(unknown, true_roots)
