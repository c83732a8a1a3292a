"""Metrics against numbers that other projects computed, and hand-worked cases."""

import numpy as np
import pytest

from mobilehumanpose.evaluate.metrics import mpjpe, pa_mpjpe, pa_mpjpe_rigid, pck

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
