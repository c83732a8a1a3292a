"""Grid cells to pixels, and placing a person of known size in the camera's space."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilehumanpose.decode import (
    PEAK_SIGMA,
    SEGMENTS,
    cells_to_photo,
    place_in_camera,
    smoothing_matrix,
)
from mobilehumanpose.errors import UserError
from mobilehumanpose.geometry import Camera, crop_affine, project
from mobilehumanpose.skeleton import LSP_14, MUCO_21

CAMERA = Camera.from_fov(55, (1280, 720))


def person(seed: int, stature_mm: float = 1700.0) -> np.ndarray:
    """(21, 3) a root-relative pose with limbs in random directions and textbook lengths."""
    rng = np.random.default_rng(seed)
    pose = np.zeros((21, 3))
    index = MUCO_21.index

    def direction():
        v = rng.normal(size=3) * [1, 1, 0.6]
        return v / np.linalg.norm(v)

    lengths = {(a, b): share * stature_mm for a, b, share in SEGMENTS}
    hip = direction() * 0.05 * stature_mm
    pose[index("L_Hip")], pose[index("R_Hip")] = hip, -hip
    neck = direction() * lengths[("L_Shoulder", "R_Shoulder"), ("L_Hip", "R_Hip")]
    shoulder = direction() * 0.1 * stature_mm
    pose[index("L_Shoulder")], pose[index("R_Shoulder")] = neck + shoulder, neck - shoulder
    pose[index("Thorax")] = neck
    for side in "LR":
        for a, b in (("Shoulder", "Elbow"), ("Elbow", "Wrist"), ("Hip", "Knee"), ("Knee", "Ankle")):
            start, end = f"{side}_{a}", f"{side}_{b}"
            pose[index(end)] = pose[index(start)] + direction() * lengths[(start,), (end,)]
    return pose


def test_cells_to_photo_of_a_hand_worked_case():
    affine = crop_affine(np.array([100.0, 50, 512, 512]), 256)
    px, depth_mm = cells_to_photo(
        np.array([[0.0, 0, 16], [16, 16, 24], [8, 31, 0]]),
        affine,
        grid=(32, 32, 32),
        crop_px=256,
        depth_range_mm=2000,
    )
    np.testing.assert_allclose(px, [[100, 50], [356, 306], [228, 546]])
    np.testing.assert_allclose(depth_mm, [0, 500, -1000])


@given(
    st.integers(0, 10_000),
    st.tuples(st.floats(-1500, 1500), st.floats(-800, 800), st.floats(2500, 12000)),
)
def test_a_person_of_the_assumed_build_is_placed_exactly(seed, translation):
    truth = person(seed) + translation
    depth_mm = truth[:, 2] - truth[MUCO_21.root, 2]
    found = place_in_camera(
        project(truth, CAMERA), depth_mm, np.ones(21), skeleton=MUCO_21, camera=CAMERA
    )
    np.testing.assert_allclose(found, truth, rtol=2e-3, atol=5)


def test_the_result_projects_onto_its_2d_joints():
    rng = np.random.default_rng(3)
    keypoints_px = rng.uniform(100, 600, (21, 2))
    depth_mm = rng.uniform(-300, 300, 21)
    depth_mm -= depth_mm[MUCO_21.root]
    found = place_in_camera(keypoints_px, depth_mm, rng.random(21), skeleton=MUCO_21, camera=CAMERA)
    np.testing.assert_allclose(project(found, CAMERA), keypoints_px, atol=1e-6)
    np.testing.assert_allclose(found[:, 2] - found[MUCO_21.root, 2], depth_mm, atol=1e-6)


def test_distance_follows_stature():
    truth = person(5) * [1, 1, 0] + [0, 0, 5000.0]  # flat: every segment shows some length
    args = project(truth, CAMERA), np.zeros(21), np.ones(21)
    near = place_in_camera(*args, skeleton=MUCO_21, camera=CAMERA, stature_mm=1000)
    far = place_in_camera(*args, skeleton=MUCO_21, camera=CAMERA, stature_mm=2000)
    np.testing.assert_allclose(far, 2 * near, rtol=1e-6)


def test_every_joint_stays_before_the_camera():
    """Depths that reach further than the body is far away: a hand held into a close camera."""
    keypoints_px = np.random.default_rng(0).uniform(-4000, 5000, (21, 2))
    depth_mm = np.linspace(-900, 900, 21)
    found = place_in_camera(keypoints_px, depth_mm, np.ones(21), skeleton=MUCO_21, camera=CAMERA)
    assert (found[:, 2] > 0).all()
    assert np.isfinite(found).all()


def test_no_scores_at_all_still_place_the_pose():
    truth = person(1) + [0, 0, 4000]
    found = place_in_camera(
        project(truth, CAMERA),
        truth[:, 2] - 4000,
        np.zeros(21),
        skeleton=MUCO_21,
        camera=CAMERA,
    )
    np.testing.assert_allclose(found, truth, rtol=2e-3, atol=5)


def test_what_cannot_be_placed_is_refused():
    pose = (np.zeros((21, 2)), np.zeros(21), np.ones(21))
    with pytest.raises(UserError, match="different pixels"):
        place_in_camera(*pose, skeleton=MUCO_21, camera=CAMERA)
    with pytest.raises(UserError, match="stature"):
        place_in_camera(*pose, skeleton=MUCO_21, camera=CAMERA, stature_mm=float("nan"))
    with pytest.raises(UserError, match="root"):
        place_in_camera(
            np.zeros((14, 2)), np.zeros(14), np.ones(14), skeleton=LSP_14, camera=CAMERA
        )


@pytest.mark.parametrize("cells", [32, 64])
def test_smoothing_reaches_no_further_than_its_numbers_can_tell(cells):
    matrix = smoothing_matrix(cells, PEAK_SIGMA * cells)
    bell = np.exp(-((np.arange(cells) / (PEAK_SIGMA * cells)) ** 2) / 2)
    np.testing.assert_allclose(matrix[0], bell, atol=1.2e-7, rtol=1e-6)
    # Further out, products of the bell's end and of small probabilities are denormal numbers.
    assert matrix[matrix > 0].min() > 1e-7
