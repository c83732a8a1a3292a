"""Geometry and placement on real frames with 3D truth, where these are at hand."""

import json

import numpy as np
import pytest

from mobilehumanpose.decode import place_in_camera
from mobilehumanpose.geometry import Camera, fit_translation, project
from mobilehumanpose.skeleton import HUMAN36M_18, MUPOTS_17


def frames(shared_dir):
    """(name, skeleton, camera, (J, 2) px, (J, 3) mm) of each frame."""
    for folder, skeleton in (("h36m", HUMAN36M_18), ("mpi_inf_3dhp", MUPOTS_17)):
        path = shared_dir / "data" / "samples" / folder / "samples.json"
        if not path.exists():
            pytest.skip(f"{path}: not here")
        for sample in json.loads(path.read_text()):
            camera = Camera(focal_px=tuple(sample["f_px"]), center_px=tuple(sample["c_px"]))
            order = [skeleton.index(name) for name in sample["joints"]]
            keypoints_px = np.zeros((skeleton.num_joints, 2))
            keypoints_mm = np.zeros((skeleton.num_joints, 3))
            keypoints_px[order] = sample["keypoints_img_px"]
            keypoints_mm[order] = sample["keypoints_cam_mm"]
            if skeleton is HUMAN36M_18:  # its last joint is midway between the shoulders
                shoulders = skeleton.indices(["L_Shoulder", "R_Shoulder"])
                keypoints_mm[-1] = keypoints_mm[shoulders].mean(axis=0)
                keypoints_px[-1] = project(keypoints_mm[-1], camera)
            yield sample["file_name"], skeleton, camera, keypoints_px, keypoints_mm


def test_truth_projects_onto_its_pixels(shared_dir):
    for name, _, camera, keypoints_px, keypoints_mm in frames(shared_dir):
        error_px = np.linalg.norm(project(keypoints_mm, camera) - keypoints_px, axis=1)
        assert error_px.mean() < 0.6, name  # single joints are up to 2 px off: lens distortion


def test_the_translation_is_found_from_true_pixels(shared_dir):
    for name, skeleton, camera, keypoints_px, keypoints_mm in frames(shared_dir):
        root_mm = keypoints_mm[skeleton.root]
        found_mm = fit_translation(keypoints_px, keypoints_mm - root_mm, camera)
        assert np.linalg.norm(found_mm - root_mm) < 0.005 * root_mm[2], name


def test_real_bodies_are_placed_as_far_as_their_size_tells(shared_dir):
    """With an assumed 1.70 m, distance is off by as much as these people differ from that."""
    for name, skeleton, camera, keypoints_px, keypoints_mm in frames(shared_dir):
        root_depth_mm = keypoints_mm[skeleton.root, 2]
        found_mm = place_in_camera(
            keypoints_px,
            keypoints_mm[:, 2] - root_depth_mm,
            np.ones(skeleton.num_joints),
            skeleton=skeleton,
            camera=camera,
        )
        assert found_mm[skeleton.root, 2] == pytest.approx(root_depth_mm, rel=0.2), name
