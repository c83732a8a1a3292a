"""The test sequences of MPI-INF-3DHP, on a miniature in their layout."""

import json

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilehumanpose.data.miniature import CAMERA
from mobilehumanpose.data.mpi_inf_3dhp import fit_intrinsics, load_mpi_inf_3dhp
from mobilehumanpose.errors import UserError
from mobilehumanpose.geometry import Camera, project


def annotations(root, sequence=1):
    return root / f"MPI-INF-3DHP/mpi_inf_3dhp_test_set/TS{sequence}/annot_data.mat"


def spoil(path, name, how):
    with h5py.File(path, "r+") as file:
        values = how(np.asarray(file[name]))
        del file[name]
        if values is not None:
            file[name] = values


def test_valid_frames_of_the_sequences_that_are_there(miniature):
    root = miniature("mpi-inf-3dhp")
    samples = load_mpi_inf_3dhp(root).samples
    assert samples.image_ids.tolist() == [1000001, 1000002, 1000003, 5000001, 5000002, 5000003]
    assert samples.image_name(3) == "TS5/imageSequence/img_000001.jpg"
    assert samples.image_tags["activity"].tolist() == [1, 3, 6] * 2
    assert samples.image_tags["sequence"].tolist() == [1, 1, 1, 5, 5, 5]
    assert samples.roots_mm[:3, 2].tolist() == [3100, 3200, 3300]
    intrinsics = [*CAMERA.focal_px, *CAMERA.center_px]
    np.testing.assert_allclose(samples.cameras, np.tile(intrinsics, (6, 1)), rtol=1e-5)
    # From pixels, depth, root and camera back to the joints.
    with h5py.File(annotations(root)) as file:
        np.testing.assert_allclose(samples.keypoints_mm(1), file["annot3"][1, 0], atol=0.01)


@settings(max_examples=50, deadline=None)
@given(
    focal=st.tuples(st.floats(200, 4000), st.floats(200, 4000)),
    center=st.tuples(st.floats(-100, 3000), st.floats(-100, 3000)),
    seed=st.integers(0, 1000),
)
def test_the_camera_is_found_from_what_it_sees(tmp_path_factory, focal, center, seed):
    joints_mm = np.random.default_rng(seed).normal(size=(2, 17, 3)) * 400 + [100, -200, 4000]
    joints_px = project(joints_mm, Camera(focal_px=focal, center_px=center))
    found = fit_intrinsics(joints_px, joints_mm, tmp_path_factory.getbasetemp())
    np.testing.assert_allclose(found, [*focal, *center], rtol=1e-6, atol=1e-4)


def test_the_camera_of_a_real_frame(shared_dir):
    path = shared_dir / "data/samples/mpi_inf_3dhp/samples.json"
    if not path.is_file():
        pytest.skip(f"{path}: not here")
    for sample in json.loads(path.read_text()):
        joints_px = np.array(sample["keypoints_img_px"])[None]
        joints_mm = np.array(sample["keypoints_cam_mm"])[None]
        found = fit_intrinsics(joints_px, joints_mm, path)
        np.testing.assert_allclose(found[:2], sample["f_px"], rtol=0.01)
        np.testing.assert_allclose(found[2:], sample["c_px"], atol=10)


@pytest.mark.parametrize(
    ("name", "how", "message"),
    [
        ("annot2", lambda v: v + np.arange(4)[:, None, None, None] * 50, "fit no camera"),
        ("annot2", lambda v: v + 5000, "annot2 of frame 1 lies outside the picture"),
        ("annot3", lambda v: -v, "behind the camera"),
        ("annot3", lambda v: v[:, :, :16], "annot3 has shape"),
        ("annot2", lambda v: None, "not the annotations of a test sequence"),
        ("valid_frame", lambda v: 0 * v, "marks no frame"),
        ("univ_annot3", lambda v: v * np.nan, "univ_annot3 holds a number that is not finite"),
    ],
)
def test_files_that_contradict_themselves_are_named(miniature, name, how, message):
    root = miniature("mpi-inf-3dhp")
    spoil(annotations(root), name, how)
    with pytest.raises(UserError, match=message) as error:
        load_mpi_inf_3dhp(root)
    assert "annot_data.mat" in str(error.value)


def test_no_sequence_at_all(tmp_path):
    with pytest.raises(UserError, match="mpi_inf_3dhp_test_set: has no test sequence"):
        load_mpi_inf_3dhp(tmp_path)
