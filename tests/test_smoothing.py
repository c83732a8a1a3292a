"""The one-euro filter, and what it does to poses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilehumanpose import UserError
from mobilehumanpose.geometry import project
from mobilehumanpose.smoothing import (
    POSE_CONSTANTS,
    OneEuroConstants,
    OneEuroFilter,
    PoseSmoother,
)


def test_the_value_of_the_reference():
    """MediaPipe's own test; its first time, 0, counts as none there, so a period of 1 Hz passes."""
    smooth = OneEuroFilter(
        OneEuroConstants(min_cutoff_hz=0.001, beta=1.0, derivative_cutoff_hz=0.001)
    )
    assert smooth(np.array([2.0]), 0.0) == 2.0
    assert smooth(np.array([100.0]), 1.0) == pytest.approx(79.8, abs=0.2)


@settings(deadline=None)
@given(st.floats(-1e4, 1e4), st.lists(st.floats(1e-3, 10), min_size=1, max_size=20))
def test_a_constant_stays(value, steps_s):
    smooth = OneEuroFilter(POSE_CONSTANTS)
    for time_s in np.cumsum(steps_s):
        assert smooth(np.array([value]), float(time_s)) == pytest.approx(value)


@pytest.mark.parametrize("time_s", [1.5, 1.25, 0.0])
def test_times_that_do_not_rise_are_named(time_s):
    smooth = OneEuroFilter(POSE_CONSTANTS)
    smooth(np.zeros(2), 1.5)
    with pytest.raises(UserError, match=rf"{time_s} s does not come after 1\.5 s"):
        smooth(np.zeros(2), time_s)


def test_times_and_constants_that_cannot_be():
    with pytest.raises(UserError, match="nan"):
        OneEuroFilter(POSE_CONSTANTS)(np.zeros(2), float("nan"))
    for wrong in ({"min_cutoff_hz": 0.0}, {"derivative_cutoff_hz": -1.0}, {"beta": -1.0}):
        constants = {"min_cutoff_hz": 1.0, "derivative_cutoff_hz": 1.0, "beta": 0.0} | wrong
        with pytest.raises(UserError, match=next(iter(wrong))):
            OneEuroConstants(**constants)


@settings(deadline=None)
@given(st.floats(0.01, 100), st.floats(-1e3, 1e3))
def test_near_and_far_are_smoothed_alike(scale, shift):
    """What is larger and elsewhere in the picture, of a larger person, is the same motion."""
    times_s = np.arange(30) / 30
    motion = np.sin(5 * times_s) + np.random.default_rng(0).normal(0, 0.02, 30)
    near, far = OneEuroFilter(POSE_CONSTANTS), OneEuroFilter(POSE_CONSTANTS)
    for value, time_s in zip(motion, times_s, strict=True):
        expected = near(np.array([value]), time_s) * scale + shift
        actual = far(np.array([value * scale + shift]), time_s, scale)
        np.testing.assert_allclose(actual, expected, atol=1e-9 * max(1, abs(shift), scale))


def test_what_the_caller_does_to_arrays_changes_nothing():
    expected, smooth = OneEuroFilter(POSE_CONSTANTS), OneEuroFilter(POSE_CONSTANTS)
    values = np.zeros(2)
    for time_s in (0.0, 0.1, 0.2):
        values += 5
        right = expected(values.copy(), time_s).copy()
        said = smooth(values, time_s)
        np.testing.assert_array_equal(said, right)
        said /= 2


@pytest.mark.parametrize(("value", "size"), [(np.nan, 1.0), (np.inf, 1.0), (0.0, 0.0), (0.0, -1)])
def test_values_and_sizes_that_cannot_be_are_named(value, size):
    with pytest.raises(UserError, match="finite"):
        OneEuroFilter(POSE_CONSTANTS)(np.array([0.0, value]), 0.0, size)


@pytest.mark.parametrize("speed", [0.05, 0.5, 3.0])
def test_the_frame_rate_does_not_matter(speed):
    """A motion of a second comes out alike at 30 and at 120 frames a second."""

    def smoothed(rate: int) -> np.ndarray:
        smooth = OneEuroFilter(POSE_CONSTANTS)
        times_s = np.arange(2 * rate) / rate
        values = [smooth(np.array([np.sin(speed * t)]), float(t)) for t in times_s]
        return np.concatenate(values)[:: rate // 30]

    slow, fast = smoothed(30), smoothed(120)
    travelled = np.abs(np.sin(speed * np.arange(60) / 30)).max()
    assert np.abs(slow - fast).max() < 0.05 * travelled


def test_what_rests_is_held_still_and_what_moves_is_followed():
    rng = np.random.default_rng(0)
    rest, move = OneEuroFilter(POSE_CONSTANTS), OneEuroFilter(POSE_CONSTANTS)
    noise = rng.normal(0, 0.003, 120)
    still = [float(rest(np.array([n]), i / 30)[0]) for i, n in enumerate(noise)]
    assert np.std(np.diff(still[30:])) < 0.5 * np.std(np.diff(noise[30:]))
    path = np.arange(120) / 30  # a size a second
    lag = [path[i] - float(move(np.array([x]), i / 30)[0]) for i, x in enumerate(path)]
    assert max(lag[60:]) < 1 / 30  # less than one frame


def test_smoothed_poses_still_fit_their_pixels(pose):
    smooth = PoseSmoother()
    rng = np.random.default_rng(0)
    first = smooth(pose, 0.0)
    np.testing.assert_allclose(first.keypoints_mm, pose.keypoints_mm)
    raw_error, smooth_error = 0.0, 0.0
    for i in range(1, 30):
        keypoints_mm = pose.keypoints_mm + rng.normal(0, 5, pose.keypoints_mm.shape)
        noisy = replace(
            pose,
            keypoints_mm=keypoints_mm,
            keypoints_px=project(keypoints_mm, pose.camera),
            root_relative_mm=keypoints_mm - keypoints_mm[pose.skeleton.root],
        )
        smooth_pose = smooth(noisy, i / 30)
        np.testing.assert_allclose(
            project(smooth_pose.keypoints_mm, pose.camera), smooth_pose.keypoints_px
        )
        np.testing.assert_allclose(
            smooth_pose.root_relative_mm,
            smooth_pose.keypoints_mm - smooth_pose.keypoints_mm[pose.skeleton.root],
        )
        np.testing.assert_array_equal(smooth_pose.scores, pose.scores)
        raw_error += np.abs(noisy.keypoints_mm - pose.keypoints_mm).mean()
        smooth_error += np.abs(smooth_pose.keypoints_mm - pose.keypoints_mm).mean()
    assert smooth_error < 0.7 * raw_error
