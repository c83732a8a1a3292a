"""A whole test set through a model, against what the model says of each crop alone."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mobilehumanpose import views
from mobilehumanpose.data.images import ImageFolder
from mobilehumanpose.data.samples import PoseDataset, PoseSamples
from mobilehumanpose.errors import UserError
from mobilehumanpose.estimator import PoseEstimator
from mobilehumanpose.evaluate.predict import predict_dataset
from mobilehumanpose.geometry import process_bbox, project
from mobilehumanpose.runtime import PoseNetwork
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.weights import DEFAULT_MODEL, model_path

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
SIDES = (300, 350, 400, 450, 500)


@pytest.fixture(scope="module")
def network() -> PoseNetwork:
    return PoseNetwork(model_path(DEFAULT_MODEL), num_threads=1)


def _mirrored_left(left: float, side: float, width: int) -> float:
    """Where the box must begin in the mirrored picture for its 256 px crop to be the mirrored one.

    Pixel u of the crop lies at left + u · side / 256, and 255 − u at width − 1 − that.
    """
    return width - 1 - left - side * 255 / 256


@pytest.fixture
def dataset(tmp_path) -> PoseDataset:
    """The astronaut in five boxes, at 4 m, and mirrored in a second picture in the last of them."""
    photo = cv2.imread(str(PHOTO))
    cv2.imwrite(str(tmp_path / "a.png"), photo)
    cv2.imwrite(str(tmp_path / "b.png"), photo[:, ::-1])
    height, width = photo.shape[:2]
    count = len(SIDES) + 1
    boxes = [[20, 10, side, side] for side in SIDES] + [
        [_mirrored_left(20, 500, width), 10, 500, 500]
    ]
    samples = PoseSamples(
        skeleton=MUCO_21,
        image_names=np.array([b"a.png", b"b.png"]),
        image_sizes=np.array([[width, height]] * 2, np.int32),
        image_ids=np.array([7, 8]),
        cameras=np.array([[1500, 1500, width / 2, height / 2]] * 2, np.float32),
        image_index=np.array([0] * len(SIDES) + [1], np.int32),
        boxes_xywh=np.array(boxes, np.float32),
        keypoints_px=np.zeros((count, 21, 2), np.float32),
        depth_mm=np.zeros((count, 21), np.float32),
        has_px=np.zeros((count, 21), bool),
        has_depth=np.zeros((count, 21), bool),
        roots_mm=np.full((count, 3), 4000, np.float32),
    )
    return PoseDataset(name="astronaut", samples=samples, images=ImageFolder(tmp_path))


def test_batches_change_nothing(network, dataset):
    told: list[int] = []
    whole = predict_dataset(network, dataset, flip=None, uses_true_roots=True)
    parts = predict_dataset(
        network, dataset, flip=None, uses_true_roots=True, batch_size=4, on_batch=told.append
    )
    assert told == [4, 2]
    np.testing.assert_allclose(parts.keypoints_px, whole.keypoints_px, atol=0.1)
    assert whole.uses_true_roots
    assert whole.is_absolute
    assert whole.image_index.tolist() == [0] * 5 + [1]


def test_places_project_onto_the_pixels_at_the_root_s_distance(network, dataset):
    predictions = predict_dataset(network, dataset, uses_true_roots=False)
    for i in range(len(dataset.samples)):
        projected = project(predictions.keypoints_mm[i], dataset.samples.camera(i))
        np.testing.assert_allclose(projected, predictions.keypoints_px[i], atol=0.05)
    assert np.abs(predictions.keypoints_mm[..., 2] - 4000).max() <= 1000


def test_the_flip_test_sees_no_difference_between_a_picture_and_its_mirror(network, dataset):
    width = dataset.samples.image_size(0)[0]
    predictions = predict_dataset(network, dataset, flip="exact", uses_true_roots=False)
    plain, mirrored = predictions.keypoints_px[[len(SIDES) - 1, len(SIDES)]]
    back = mirrored[MUCO_21.flip_permutation]
    np.testing.assert_allclose(width - 1 - back[:, 0], plain[:, 0], atol=0.5)
    np.testing.assert_allclose(back[:, 1], plain[:, 1], atol=0.5)


def test_a_person_of_unknown_distance_is_named(network, dataset):
    roots = dataset.samples.roots_mm.copy()
    roots[5] = np.nan
    nowhere = replace(dataset, samples=replace(dataset.samples, roots_mm=roots))
    with pytest.raises(UserError, match=r"b\.png"):
        predict_dataset(network, nowhere, uses_true_roots=False)


def test_people_are_placed_by_their_stature(network, dataset, monkeypatch):
    predictions = predict_dataset(network, dataset, places="stature", uses_true_roots=True)
    assert predictions.is_absolute
    assert not predictions.uses_true_roots
    projected = project(predictions.keypoints_mm[0], dataset.samples.camera(0))
    np.testing.assert_allclose(projected, predictions.keypoints_px[0], atol=0.05)
    # As the runtime places the same box, whatever the weights: nobody is turned upright here.
    monkeypatch.setattr(views, "MAX_LEAN_DEGREES", 180.0)
    estimator = PoseEstimator(closely=False)
    (pose,) = estimator(PHOTO, [[100, 60, 256, 256]], dataset.samples.camera(0))
    crop = process_bbox(np.array([100.0, 60, 256, 256]), dataset.samples.image_size(0))
    boxes = np.array([crop], np.float32)
    one = replace(dataset, samples=replace(dataset.samples.subset(np.array([0])), boxes_xywh=boxes))
    found = predict_dataset(network, one, flip=None, places="stature", uses_true_roots=False)
    np.testing.assert_allclose(found.keypoints_px[0], pose.keypoints_px, atol=1.0)
    np.testing.assert_allclose(found.keypoints_mm[0], pose.keypoints_mm, rtol=0.02, atol=20)


def test_without_a_camera_poses_are_around_the_root(network, dataset):
    with_camera = predict_dataset(network, dataset, places="roots", uses_true_roots=False)
    cameras = np.full_like(dataset.samples.cameras, np.nan)
    nowhere = replace(dataset, samples=replace(dataset.samples, cameras=cameras))
    predictions = predict_dataset(network, nowhere, places="stature", uses_true_roots=False)
    assert not predictions.is_absolute
    assert (predictions.keypoints_mm[:, MUCO_21.root, :2] == 0).all()
    depth_mm = with_camera.keypoints_mm[..., 2] - 4000
    np.testing.assert_allclose(predictions.keypoints_mm[..., 2], depth_mm, atol=0.01)
