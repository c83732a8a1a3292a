"""How far people lean, and the squares that make them stand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilehumanpose.geometry import BOX_MARGIN, apply_affine, crop_affine
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.upright import torso_lean_degrees, turned_square

ALL = np.ones(21, bool)


def standing() -> np.ndarray:
    """(21, 2): shoulders above hips, the rest in between."""
    points = np.tile([100.0, 120.0], (21, 1))
    points[MUCO_21.indices(["R_Shoulder", "L_Shoulder"])] = [[90, 100], [110, 100]]
    points[MUCO_21.indices(["R_Hip", "L_Hip"])] = [[95, 150], [105, 150]]
    points[MUCO_21.indices(["R_Ankle", "L_Ankle"])] = [[95, 240], [130, 240]]
    return points


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Clockwise as seen, about a point beside the person."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (points - 80) @ np.array([[c, s], [-s, c]]) + 80


def test_leaning_right_is_positive():
    assert torso_lean_degrees(standing(), ALL, MUCO_21) == 0
    assert torso_lean_degrees(turned(standing(), 90), ALL, MUCO_21) == pytest.approx(90)
    assert torso_lean_degrees(turned(standing(), -30), ALL, MUCO_21) == pytest.approx(-30)


def test_one_shoulder_and_one_hip_tell_too():
    known = ALL.copy()
    known[MUCO_21.indices(["R_Shoulder", "R_Hip"])] = False
    lean = torso_lean_degrees(standing(), known, MUCO_21)
    assert lean == pytest.approx(np.degrees(np.arctan2(5, 50)))
    known[MUCO_21.index("L_Hip")] = False
    assert torso_lean_degrees(standing(), known, MUCO_21) is None


def test_a_torso_without_length_leans_nowhere():
    assert torso_lean_degrees(np.zeros((21, 2)), ALL, MUCO_21) is None


@given(st.floats(-180, 180), st.floats(-60, 60))
def test_the_crop_shows_everyone_standing_and_whole(degrees, off):
    points = turned(standing(), degrees)
    lean = torso_lean_degrees(points, ALL, MUCO_21)
    # Not only the exact lean: the estimator's is a guess.
    affine = crop_affine(turned_square(points, lean + off), 256, rotation_degrees=lean + off)
    in_crop = apply_affine(points, affine)
    now = torso_lean_degrees(in_crop, ALL, MUCO_21)
    assert (now + off + 180) % 360 == pytest.approx(180, abs=1e-6)
    low, high = in_crop.min(axis=0), in_crop.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, 128, atol=1e-6)  # in the middle
    assert (high - low).max() == pytest.approx(256 / (1.2 * BOX_MARGIN))
