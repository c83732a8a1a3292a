"""MPI-INF-3DHP on small files in the layout of its test set."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.evaluate.mpi_inf_3dhp import evaluate_mpi_inf_3dhp, read_mpi_inf_3dhp_truth
from mobilehumanpose.skeleton import MUPOTS_17

#: Frames 1 and 2 of TS1, 3 of TS1 (not valid), 2 of TS5.
NAMES = [
    "TS1/imageSequence/img_000001.jpg",
    "test/TS1/imageSequence/img_000002.jpg",
    "TS1/imageSequence/img_000003.jpg",
    "TS5/img_000002.jpg",
]


def write_sequence(folder: Path, sequence: int, poses: np.ndarray, valid, activity) -> None:
    (folder / f"TS{sequence}").mkdir(parents=True)
    with h5py.File(folder / f"TS{sequence}" / "annot_data.mat", "w") as file:
        file["annot3"] = poses[:, None]
        file["univ_annot3"] = 0.9 * poses[:, None]
        file["valid_frame"] = np.array(valid, float)[:, None]
        file["activity_annotation"] = np.array(activity, float)[:, None]


@pytest.fixture
def poses(make_people):
    return make_people(4, 17)


@pytest.fixture
def samples(poses, make_samples):
    return make_samples(poses, MUPOTS_17, image_names=NAMES)


@pytest.fixture
def folder(tmp_path, poses, make_people):
    write_sequence(tmp_path, 1, poses[:3], [1, 1, 0], [1, 7, 0])
    write_sequence(tmp_path, 5, np.stack([make_people(1, 17, 9)[0], poses[3]]), [1, 1], [3, 7])
    return tmp_path


def test_the_official_layout(folder, samples, poses):
    truth = read_mpi_inf_3dhp_truth(folder, samples)
    assert truth.image_index.tolist() == [0, 1, 3]
    assert truth.sequence.tolist() == [1, 1, 5]
    assert truth.activity.tolist() == [1, 7, 7]
    np.testing.assert_allclose(truth.metric_mm, poses[[0, 1, 3]])
    np.testing.assert_allclose(truth.universal_mm, 0.9 * poses[[0, 1, 3]])


def test_figures_by_sequence_scene_and_activity(folder, samples, poses, make_predictions):
    truth = read_mpi_inf_3dhp_truth(folder, samples)
    predicted = 0.9 * poses
    predicted[3, :7] += [0, 170, 0]  # half of the 14 scored joints of the outdoor frame
    predicted[1, 15:17] += [0, 0, 340]  # Spine and Head are in MPJPE only
    result = evaluate_mpi_inf_3dhp(samples, make_predictions(predicted, MUPOTS_17), truth)
    rates, lengths = result.tables
    pck = dict(zip(rates.row_names, rates.values[:, 0], strict=True))
    assert pck["TS1"] == pck["Green screen"] == pck["Stand/Walk"] == 100
    assert pck["TS5"] == pck["Outdoor"] == pytest.approx(50)
    assert pck["Misc"] == pytest.approx(75)
    assert np.isnan(pck["Sports"])
    assert any("Sports" in warning for warning in result.warnings)
    assert result.headline["3DPCK, %"] == pytest.approx(250 / 3)
    assert result.headline["AUC, %"] == pytest.approx(250 / 3 * 30 / 31)
    assert result.headline["MPJPE, mm"] == pytest.approx((40 + 70) / 3)
    mpjpe = dict(zip(lengths.row_names, lengths.values[:, 0], strict=True))
    assert mpjpe["TS1"] == pytest.approx(20)
    metric = evaluate_mpi_inf_3dhp(
        samples, make_predictions(poses, MUPOTS_17), truth, coordinates="metric"
    )
    assert metric.headline["MPJPE, mm"] == pytest.approx(0, abs=1e-9)


def test_rows_follow_the_predictions_order(folder, samples, poses, make_predictions):
    truth = read_mpi_inf_3dhp_truth(folder, samples)
    order = np.array([3, 2, 1, 0])
    result = evaluate_mpi_inf_3dhp(
        samples, make_predictions(0.9 * poses[order], MUPOTS_17, order), truth
    )
    assert result.headline["MPJPE, mm"] == pytest.approx(0, abs=1e-9)
    assert result.people_index.tolist() == [3, 2, 0]
    with pytest.raises(UserError, match=r"TS5/img_000002\.jpg.*no prediction"):
        evaluate_mpi_inf_3dhp(samples, make_predictions(poses[:3], MUPOTS_17), truth)


def test_files_that_do_not_fit_are_named(folder, samples, poses, make_samples):
    path = folder / "TS5" / "annot_data.mat"
    with h5py.File(path, "a") as file:
        file["activity_annotation"][1] = 8
    with pytest.raises(UserError, match="TS5/annot_data.mat: activity_annotation of frame 2 is 8"):
        read_mpi_inf_3dhp_truth(folder, samples)
    with h5py.File(path, "a") as file:
        del file["annot3"]
        file["annot3"] = np.zeros((2, 1, 16, 3))
    with pytest.raises(UserError, match=r"annot3 has shape \(2, 1, 16, 3\)"):
        read_mpi_inf_3dhp_truth(folder, samples)
    path.write_bytes(b"hello")
    with pytest.raises(UserError, match="TS5/annot_data.mat"):
        read_mpi_inf_3dhp_truth(folder, samples)
    path.unlink()
    with pytest.raises(UserError, match="no such file"):
        read_mpi_inf_3dhp_truth(folder, samples)
    with pytest.raises(UserError, match="TS7"):
        read_mpi_inf_3dhp_truth(
            folder, make_samples(poses[:1], MUPOTS_17, image_names=["TS7/img_000001.jpg"])
        )
