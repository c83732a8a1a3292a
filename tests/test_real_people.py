"""Geometry, placement and the bundled model on real photographs, where these are at hand."""

import json

import numpy as np
import pytest

from mobilehumanpose import PoseEstimator
from mobilehumanpose.decode import place_in_camera
from mobilehumanpose.geometry import Camera, fit_translation, project
from mobilehumanpose.skeleton import COCO_19, HUMAN36M_18, LIMB_JOINTS, MUPOTS_17


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


def test_the_bundled_model_finds_people_in_everyday_photographs(shared_dir):
    """PCK@0.2 of the torso over limb joints; 0.51 when the weights were made."""
    folder = shared_dir / "data" / "samples" / "coco"
    annotations = folder / "annotations" / "person_keypoints_train2017.json"
    if not annotations.exists():
        pytest.skip(f"{annotations}: not here")
    labels = json.loads(annotations.read_text())
    file_names = {image["id"]: image["file_name"] for image in labels["images"]}
    torso = COCO_19.indices(["L_Shoulder", "R_Shoulder", "L_Hip", "R_Hip"])
    limbs_there = COCO_19.indices(LIMB_JOINTS)
    estimator = PoseEstimator()
    is_found: list[bool] = []
    for person in labels["annotations"]:
        keypoints = np.array(person["keypoints"]).reshape(17, 3)
        if person["iscrowd"] or not (keypoints[torso, 2] > 0).all():
            continue
        path = folder / "train2017" / file_names[person["image_id"]]
        (pose,) = estimator(path, boxes=[person["bbox"]])
        ends = keypoints[torso, :2].reshape(2, 2, 2).mean(axis=1)
        found_px = pose.keypoints_px[pose.skeleton.indices(LIMB_JOINTS)]
        distance_px = np.linalg.norm(found_px - keypoints[limbs_there, :2], axis=1)
        is_near = distance_px < 0.2 * np.linalg.norm(ends[0] - ends[1])
        is_found += is_near[keypoints[limbs_there, 2] > 0].tolist()
    assert len(is_found) > 300
    assert np.mean(is_found) > 0.45
