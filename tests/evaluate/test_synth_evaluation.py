"""Synthetic people: figures worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mobilehumanpose.errors import UserError
from mobilehumanpose.evaluate.synth import evaluate_synth
from mobilehumanpose.skeleton import MUCO_21, MUPOTS_17

ROOT = MUCO_21.root


@pytest.fixture
def truth_mm(make_people):
    return make_people(3, 21)


@pytest.fixture
def samples(make_samples, truth_mm):
    return make_samples(truth_mm, MUCO_21)


def test_the_truth_has_no_error(samples, truth_mm, make_predictions):
    result = evaluate_synth(samples, make_predictions(truth_mm, MUCO_21))
    for name in ("MPJPE, mm", "PA-MPJPE, mm", "MRPE, mm"):
        assert result.headline[name] == pytest.approx(0, abs=0.01)
    assert result.headline["3DPCK, %"] == 100


def test_a_shift_is_the_roots_error_and_no_joints(samples, truth_mm, make_predictions):
    moved = truth_mm + [30.0, 0, 40]
    headline = evaluate_synth(samples, make_predictions(moved, MUCO_21)).headline
    assert headline["MRPE, mm"] == pytest.approx(50, abs=0.01)
    assert headline["MPJPE, mm"] == pytest.approx(0, abs=0.01)


def test_a_wrong_scale_is_mended_by_alignment_only(samples, truth_mm, make_predictions):
    roots = truth_mm[:, [ROOT]]
    scaled = roots + 1.1 * (truth_mm - roots)
    headline = evaluate_synth(samples, make_predictions(scaled, MUCO_21)).headline
    joints = MUCO_21.indices(MUPOTS_17.joint_names)
    expected = 0.1 * np.linalg.norm((truth_mm - roots)[:, joints], axis=-1).mean()
    assert headline["MPJPE, mm"] == pytest.approx(expected, rel=1e-4)
    assert headline["PA-MPJPE, mm"] == pytest.approx(0, abs=0.01)


def test_joints_outside_the_picture_do_not_count(samples, truth_mm, make_predictions):
    wrong = truth_mm.copy()
    wrist = MUCO_21.index("L_Wrist")
    wrong[1, wrist] += 900
    predictions = make_predictions(wrong, MUCO_21)
    assert evaluate_synth(samples, predictions).headline["MPJPE, mm"] > 20
    has_px = samples.has_px.copy()
    has_px[1, wrist] = False
    result = evaluate_synth(replace(samples, has_px=has_px), predictions)
    assert result.headline["MPJPE, mm"] == pytest.approx(0, abs=0.01)
    assert result.headline["PA-MPJPE, mm"] == pytest.approx(0, abs=0.01)
    assert np.isnan(result.joint_errors[1, MUPOTS_17.index("L_Wrist")])


def angle_errors(result):
    """By the angle's name, over all people: (median, 90 % within)."""
    table = next(table for table in result.tables if table.unit == "°")
    return dict(zip(table.row_names, table.values[:, -2:], strict=True))


def test_an_elbow_that_is_bent_further_is_wrong_by_that(samples, truth_mm, make_predictions):
    shoulder, elbow, wrist = MUCO_21.indices(["L_Shoulder", "L_Elbow", "L_Wrist"])
    bent = truth_mm.copy()
    for person in bent:
        upper, fore = person[shoulder] - person[elbow], person[wrist] - person[elbow]
        axis = np.cross(upper, fore)
        turn = Rotation.from_rotvec(np.radians(20) * axis / np.linalg.norm(axis))
        opened = np.degrees(np.arccos(upper @ fore / np.linalg.norm(upper) / np.linalg.norm(fore)))
        person[wrist] = person[elbow] + (turn if opened < 150 else turn.inv()).apply(fore)
    found = angle_errors(evaluate_synth(samples, make_predictions(bent, MUCO_21)))
    # Three left elbows of six are wrong: half of 20° in the median, all of it at nine in ten.
    np.testing.assert_allclose(found["Elbow"], [10, 20], atol=0.01)
    assert found["Knee"] == pytest.approx([0, 0], abs=0.01)
    assert {"Shoulder", "Hip", "Trunk_lean"} < found.keys()
    has_px = samples.has_px.copy()
    has_px[:, wrist] = False
    unseen = evaluate_synth(replace(samples, has_px=has_px), make_predictions(bent, MUCO_21))
    assert angle_errors(unseen)["Elbow"] == pytest.approx([0, 0], abs=0.01)


def test_people_are_told_apart_by_how_they_lean(make_samples, truth_mm, make_predictions):
    shoulders = MUCO_21.indices(["L_Shoulder", "R_Shoulder"])
    hips = MUCO_21.indices(["L_Hip", "R_Hip"])
    truth_mm[:, hips] = [[-100, 0, 4000], [100, 0, 4000]]
    for person, middle in enumerate(([0, -400], [400, -300], [0, 400])):
        truth_mm[person, shoulders, :2] = middle
        truth_mm[person, shoulders, 2] = 4000
    samples = make_samples(truth_mm, MUCO_21)
    rows = evaluate_synth(samples, make_predictions(truth_mm, MUCO_21)).tables[0].row_names
    assert [row.rsplit("(")[1] for row in rows] == ["1)", "1)", "1)", "3)"]


def test_root_relative_predictions_are_refused(samples, truth_mm, make_predictions):
    predictions = make_predictions(truth_mm, MUCO_21, is_absolute=False)
    with pytest.raises(UserError, match="root-relative"):
        evaluate_synth(samples, predictions)
