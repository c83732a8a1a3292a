"""Metrics against numbers that other projects computed, and hand-worked cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilehumanpose.evaluate.metrics import (
    auc3d,
    joint_distances,
    mpjpe,
    mrpe,
    pa_mpjpe,
    pa_mpjpe_rigid,
    pck,
    pck3d,
)
from mobilehumanpose.geometry import rigid_align

# The case of MMPose's test of keypoint MPJPE; its values were recomputed independently, the
# rigid one, which MMPose does not have, by rotation and translation alone.
PREDICTED = np.array(
    [
        [[1, 0, 0], [2, 2, 0], [0, 0, -1], [3, 3, 1], [0, 1, 1]],
        [[1, 0, 0], [2, 2, 1], [-1, 0, 0], [0, 0, 3], [0, 0, 1]],
    ],
    float,
)
TRUTH = np.array(
    [
        [[1, 0, 0], [1, 1, 1], [-1, 0, 0], [3, 3, 1], [0, 1, 0]],
        [[1, 1, 0], [1, 0, 1], [-1, 0, 0], [0, 0, 3], [1, 1, 0]],
    ],
    float,
)
KNOWN = np.array([[1, 1, 0, 1, 1], [1, 1, 0, 1, 1]], bool)


def test_mpjpe_and_its_alignments():
    assert mpjpe(PREDICTED, TRUTH, KNOWN) == pytest.approx(0.9625211990796929, abs=1e-12)
    assert pa_mpjpe(PREDICTED, TRUTH, KNOWN) == pytest.approx(1.0047897634604497, abs=1e-9)
    assert pa_mpjpe_rigid(PREDICTED, TRUTH, KNOWN) == pytest.approx(1.0720969322699871, abs=1e-9)


def test_aligned_errors_ignore_what_they_should():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(3, 9, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    moved = truth @ turn.T + 7
    assert pa_mpjpe_rigid(moved, truth) == pytest.approx(0, abs=1e-12)
    assert pa_mpjpe(3 * moved, truth) == pytest.approx(0, abs=1e-12)
    assert pa_mpjpe_rigid(3 * moved, truth) > 0.5


def test_pck_of_a_hand_worked_case():
    truth = np.zeros((2, 4, 2))
    predicted = truth.copy()
    predicted[0, :, 0] = [0, 1.9, 2.0, 30]  # of 10: near, near, exactly at the border, far
    known = np.ones((2, 4), bool)
    known[0, 3] = False
    assert pck(predicted, truth, known, np.array([10.0, np.nan])) == pytest.approx(2 / 3)
    assert pck(predicted, truth, known, np.array([10.0, 10.0])) == pytest.approx(6 / 7)


def test_pck3d_of_ten_joints_of_which_one_is_a_metre_off():
    distances = np.zeros(10)
    distances[3] = 1000
    assert pck3d(distances) == pytest.approx(0.9)
    assert pck3d(np.array([149.999, 150.0, 150.001])) == pytest.approx(1 / 3)  # strictly below
    assert pck3d(np.array([1.0, np.nan, 200.0])) == pytest.approx(1 / 2)
    assert np.isnan(pck3d(np.array([np.nan])))


def test_auc3d_of_a_perfect_result_lacks_the_threshold_zero():
    assert auc3d(np.zeros((3, 14))) == pytest.approx(30 / 31)
    assert auc3d(np.full((3, 14), 150.0)) == 0


@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=50))
def test_auc3d_agrees_with_the_closed_formula_of_mupots(hundredths):
    distances = np.array(hundredths) / 100 + 0.003  # never on a threshold, where floats decide
    closed = np.maximum(0, 1 - np.floor(distances / 150 * 30 + 1) / 31).mean()
    assert auc3d(distances) == pytest.approx(closed, abs=1e-12)


def test_root_error_and_its_parts():
    error = mrpe(np.array([[3.0, 4, 0], [0, 0, -12]]), np.zeros((2, 3)))
    assert error == pytest.approx((8.5, 1.5, 2.0, 6.0))


def test_joint_distances_align_each_pose_for_itself():
    turned = TRUTH @ np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]) + 5
    assert joint_distances(turned, TRUTH, rigid_align) == pytest.approx(0, abs=1e-12)
    assert joint_distances(TRUTH + [0, 3, 4], TRUTH) == pytest.approx(5)
    assert joint_distances(TRUTH[:0], TRUTH[:0], rigid_align).shape == (0, 5)
