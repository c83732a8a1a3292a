"""LSP Extended: figures worked out by hand, and those of the bundled model's card."""

from dataclasses import replace

import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.evaluate.lspet import evaluate_lspet
from mobilehumanpose.skeleton import LIMB_JOINTS, MUCO_21

LIMBS = MUCO_21.indices(LIMB_JOINTS)


@pytest.fixture
def truth_mm(make_people):
    return make_people(3, 21)


@pytest.fixture
def samples(make_samples, truth_mm):
    """Three people; of the last one a hip is not labelled, so that there is no torso."""
    samples = make_samples(truth_mm, MUCO_21)
    has_px = samples.has_px.copy()
    has_px[2, MUCO_21.index("L_Hip")] = False
    return replace(samples, has_px=has_px)


def torso_px(samples, person: int) -> float:
    px = dict(zip(MUCO_21.joint_names, samples.keypoints_px[person].astype(float), strict=True))
    middle = [(px[f"L_{name}"] + px[f"R_{name}"]) / 2 for name in ("Shoulder", "Hip")]
    return float(np.linalg.norm(middle[0] - middle[1]))


def test_a_joint_is_found_within_a_fifth_of_the_torso(samples, truth_mm, make_predictions):
    predictions = make_predictions(truth_mm, MUCO_21)
    px = samples.keypoints_px.astype(float)
    reach = 0.2 * torso_px(samples, 0)
    px[0, MUCO_21.index("R_Wrist"), 0] += 1.01 * reach
    px[0, MUCO_21.index("L_Knee"), 1] -= 0.99 * reach
    px[0, MUCO_21.index("R_Toe")] += 500  # not measured
    px[2] += 500  # nor is who has no torso
    result = evaluate_lspet(samples, replace(predictions, keypoints_px=px))
    assert result.headline["PCK@0.2 of the torso, %"] == pytest.approx(100 * 23 / 24)
    assert result.headline["Depth to the teacher, mm"] == pytest.approx(0, abs=0.01)
    assert result.image_index.tolist() == [0, 1]
    by_joint = dict(zip(result.tables[0].row_names, result.tables[0].values[:, 0], strict=True))
    assert by_joint["R_Wrist"] == 50
    assert by_joint["L_Knee"] == 100
    assert result.joint_errors[0, LIMB_JOINTS.index("L_Knee")] == pytest.approx(19.8, abs=0.01)


@pytest.mark.parametrize("is_absolute", [True, False])
def test_depth_is_from_the_pelvis_or_as_it_is_told(
    samples, truth_mm, make_predictions, is_absolute
):
    moved = truth_mm.copy()
    moved[:, MUCO_21.root, 2] -= 30
    if not is_absolute:
        moved -= truth_mm[:, [MUCO_21.root]]
    predictions = make_predictions(truth_mm, MUCO_21)
    predictions = replace(predictions, keypoints_mm=moved, is_absolute=is_absolute)
    error = evaluate_lspet(samples, predictions).headline["Depth to the teacher, mm"]
    assert error == pytest.approx(30 if is_absolute else 0, abs=0.01)


def test_scores_of_joints_are_held_against_what_was_found(samples, truth_mm, make_predictions):
    scores = np.zeros((3, 21))
    scores[:, LIMBS[:6]] = 1.0
    px = samples.keypoints_px.astype(float)
    px[:, LIMBS[6:]] += 500
    predictions = make_predictions(truth_mm, MUCO_21)
    assert len(evaluate_lspet(samples, predictions).tables) == 2
    table = evaluate_lspet(
        samples, replace(predictions, keypoints_px=px, joint_scores=scores)
    ).tables[2]
    assert table.row_names[0] == "0.0–0.2 (12 joints)"
    assert table.row_names[-1] == "0.8–1.0 (12 joints)"
    np.testing.assert_array_equal(table.values[:, 0], [0, np.nan, np.nan, np.nan, 100])


def test_without_any_torso_there_is_nothing_to_measure(samples, truth_mm, make_predictions):
    nobody = replace(samples, has_px=np.zeros_like(samples.has_px))
    with pytest.raises(UserError, match="shoulders and hips"):
        evaluate_lspet(nobody, make_predictions(truth_mm, MUCO_21))
