"""MuPoTS-3D: the official rules on hand-worked cases, and the official files."""

import csv
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mobilehumanpose.errors import UserError
from mobilehumanpose.evaluate.mat_files import load_mat
from mobilehumanpose.evaluate.mupots import (
    BONES,
    evaluate_mupots,
    match_people,
    mupots_errors,
    rescale_bones,
)
from mobilehumanpose.evaluate.mupots_tables import (
    UNDETECTED_MM,
    write_mupots_errors,
    write_mupots_tables,
)
from mobilehumanpose.evaluate.mupots_truth import MupotsTruth, read_mupots_truth
from mobilehumanpose.skeleton import HUMAN36M_18, MUCO_21, MUPOTS_17

#: Two people in frame 0 of TS1 and one in frame 3 of TS2.
NAMES = ["TS1/img_000000.jpg", "x/MultiPersonTestSet/TS2/img_000003.jpg", "TS2/img_000000.jpg"]
IMAGES = [0, 0, 1]
#: The official traversal of the bones and each joint's parent, both counted from 1.
ORDER = [16, 2, 1, 17, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
PARENTS = [2, 16, 2, 3, 4, 2, 6, 7, 15, 9, 10, 15, 12, 13, 15, 15, 2]
WALK = [(PARENTS[joint - 1] - 1, joint - 1) for joint in ORDER]


@pytest.fixture
def truth_mm(make_people):
    people = make_people(3, 17)
    people[1, :, 0] += 4000  # far beside the other
    return people


@pytest.fixture
def samples(truth_mm, make_samples):
    return make_samples(truth_mm, MUPOTS_17, image_index=IMAGES, image_names=NAMES)


def column(result, table: int, name: str) -> list[float]:
    return result.tables[table].values[:, result.tables[table].column_names.index(name)].tolist()


def test_a_perfect_result(samples, truth_mm, make_predictions):
    result = evaluate_mupots(samples, make_predictions(truth_mm[[2, 1, 0]], MUPOTS_17, [1, 0, 0]))
    assert result.people_index.tolist() == [2, 1, 0]
    for kind in ("rel", "abs"):
        for who in ("all", "matched"):
            assert result.headline[f"3DPCK_{kind} {who}, %"] == 100
            assert result.headline[f"AUC_{kind} {who}, %"] == pytest.approx(100 * 30 / 31)
    assert result.headline["MPJPE matched, 17 joints, mm"] == pytest.approx(0, abs=0.01)
    assert any("universal" in warning for warning in result.warnings)
    assert any("2 of the 20" in warning for warning in result.warnings)


def test_matched_and_all_annotated_people_and_the_average_of_sequences(
    samples, truth_mm, make_predictions
):
    predicted = truth_mm[[0, 2]].copy()
    # Two of the 14 scored joints are wrong: leaves, so that no other bone moves. The same bone
    # length the other way leaves twice that length as the error.
    for joint, parent in ((4, 3), (7, 6)):
        away = truth_mm[2, parent] - truth_mm[2, joint]
        assert np.linalg.norm(away) > 75
        predicted[1, joint] = truth_mm[2, parent] + away
    predictions = make_predictions(predicted, MUPOTS_17, [0, 1])
    result = evaluate_mupots(samples, predictions)
    assert column(result, 0, "3DPCK_rel matched") == pytest.approx([100, 1200 / 14, 1300 / 14])
    assert column(result, 0, "3DPCK_rel all") == pytest.approx([50, 1200 / 14, 475 / 7])
    perfect = 100 * 30 / 31
    assert column(result, 0, "AUC_rel all") == pytest.approx(
        [perfect / 2, perfect * 12 / 14, perfect * 19 / 28]
    )
    assert column(result, 2, "annotated") == [2, 1, 3]
    assert column(result, 2, "matched") == [1, 1, 2]
    lengths = [2 * np.linalg.norm(truth_mm[2, p] - truth_mm[2, j]) for j, p in ((4, 3), (7, 6))]
    for name, joints in (
        ("14 scored joints", 14),
        ("16 joints, no pelvis", 16),
        ("17 joints", 17),
    ):
        expected = [0, sum(lengths) / joints, sum(lengths) / joints / 2]
        assert column(result, 1, name) == pytest.approx(expected, abs=0.01)
    assert np.isnan(result.joint_errors[1]).all()
    assert result.people_index.tolist() == [0, -1, 1]


def test_nobody_found_in_a_sequence(samples, truth_mm, make_predictions):
    result = evaluate_mupots(samples, make_predictions(truth_mm[:2], MUPOTS_17, [0, 0]))
    assert column(result, 0, "3DPCK_rel all") == pytest.approx([100, 0, 50])
    matched = column(result, 0, "3DPCK_rel matched")
    assert matched[0] == 100
    assert np.isnan(matched[1])
    assert matched[2] == 100
    assert any("TS2" in warning for warning in result.warnings)


def test_root_relative_figures_ignore_the_root_and_absolute_ones_do_not(
    samples, truth_mm, make_predictions
):
    px = make_predictions(truth_mm, MUPOTS_17, IMAGES).keypoints_px
    predictions = make_predictions(
        truth_mm + [0, 0, 200], MUPOTS_17, IMAGES, keypoints_px=px, uses_true_roots=True
    )
    result = evaluate_mupots(samples, predictions)
    assert result.headline["3DPCK_rel all, %"] == 100
    assert result.headline["3DPCK_abs all, %"] == 0
    assert any("roots were taken from the truth" in warning for warning in result.warnings)
    relative = make_predictions(truth_mm, MUPOTS_17, IMAGES, is_absolute=False)
    assert not any("abs" in name for name in evaluate_mupots(samples, relative).headline)
    with pytest.raises(UserError, match="root-relative"):
        mupots_errors(
            samples,
            relative,
            MupotsTruth.from_samples(samples),
            absolute=True,
            coordinates="metric",
        )


def test_joints_are_found_by_name(samples, truth_mm, make_people, make_predictions):
    with_hands = np.concatenate([truth_mm, truth_mm[:, :4]], axis=1)
    result = evaluate_mupots(samples, make_predictions(with_hands, MUCO_21, IMAGES))
    assert result.headline["3DPCK_abs all, %"] == 100
    with pytest.raises(UserError, match="lack Head_top, Spine"):
        evaluate_mupots(samples, make_predictions(make_people(1, 18), HUMAN36M_18))


def test_true_people_choose_in_turn():
    true = np.zeros((2, 17, 2))
    true[0], true[1] = 100, 120
    predicted = np.zeros((3, 17, 2))
    predicted[0] = 110  # within 40 px of both
    predicted[1] = 110  # as good: the earlier one goes first
    predicted[2] = 100 + 39.9
    assert match_people(true, predicted).tolist() == [0, 1]
    assert match_people(true, predicted[:1]).tolist() == [0, -1]
    assert match_people(true, predicted[:0]).tolist() == [-1, -1]
    # 40 px is too far along either axis, whatever the other; here only one joint of 13 is near.
    predicted[2] = 100
    predicted[2, :, 1] = 140
    assert match_people(true[:1], predicted[2:]).tolist() == [-1]
    predicted[2, 13, 1] = 139
    assert match_people(true[:1], predicted[2:]).tolist() == [0]
    # Joints 0 and 14 … 16 do not take part.
    predicted[2, :, 1] = 140
    predicted[2, [0, 14, 15, 16]] = 100
    assert match_people(true[:1], predicted[2:]).tolist() == [-1]


def test_a_predicted_joint_at_the_origin_is_absent():
    true = np.full((1, 17, 2), 10.0)
    assert match_people(true, np.zeros((1, 17, 2))).tolist() == [-1]
    half = np.zeros((1, 17, 2))
    half[..., 0] = 1
    assert match_people(true, half).tolist() == [0]


def test_bones_get_the_true_lengths_and_keep_their_directions(make_people):
    predicted, truth = make_people(5, 17, 1), make_people(5, 17, 2)
    rescaled = rescale_bones(predicted, truth)
    np.testing.assert_array_equal(rescaled[:, 14], predicted[:, 14])
    for parent, child in BONES:
        bones = [pose[:, child] - pose[:, parent] for pose in (rescaled, predicted, truth)]
        lengths = [np.linalg.norm(bone, axis=-1, keepdims=True) for bone in bones]
        np.testing.assert_allclose(lengths[0], lengths[2], rtol=1e-9)
        np.testing.assert_allclose(bones[0] / lengths[0], bones[1] / lengths[1], atol=1e-9)
    assert {child for _, child in BONES} == set(range(17)) - {14}
    collapsed = predicted.copy()
    collapsed[:, 13] = collapsed[:, 12]
    assert np.isfinite(rescale_bones(collapsed, truth)).all()


def write_official(folder: Path, sequence: int, people: np.ndarray, valid: np.ndarray) -> None:
    """``annot.mat`` and ``occlusion.mat`` from (frames, people, 17, 3) mm, as MATLAB has them."""
    frames, count = people.shape[:2]
    annotations, occlusion = np.empty((frames, count), object), np.empty((frames, count), object)
    for i, j in np.ndindex(frames, count):
        pose = people[i, j].T
        annotations[i, j] = {
            "annot2": pose[:2] / pose[2:] * 1000 + 500,
            "annot3": pose,
            "univ_annot3": 0.9 * pose,
            "isValidFrame": np.uint8(valid[i, j]),
        }
        occlusion[i, j] = (np.arange(17)[None] % 2).astype(float)
    (folder / f"TS{sequence}").mkdir(parents=True)
    path = folder / f"TS{sequence}"
    scipy.io.savemat(path / "annot.mat", {"annotations": annotations})
    scipy.io.savemat(path / "occlusion.mat", {"occlusion_labels": occlusion})


@pytest.fixture
def official(tmp_path, truth_mm, make_people):
    first = np.stack([truth_mm[:2], make_people(2, 17, 5)])
    write_official(tmp_path, 1, first, np.array([[1, 1], [1, 0]]))
    second = np.stack(
        [make_people(1, 17, 6), make_people(1, 17, 7), make_people(1, 17, 8), truth_mm[2:]]
    )
    write_official(tmp_path, 2, second, np.array([[0], [1], [0], [1]]))
    return tmp_path


def test_the_official_files(official, samples, truth_mm, make_predictions):
    truth = read_mupots_truth(official, samples)
    assert truth.image_index.tolist() == IMAGES
    assert truth.sequence.tolist() == [1, 1, 2]
    np.testing.assert_allclose(truth.metric_mm, truth_mm)
    np.testing.assert_allclose(truth.universal_mm, 0.9 * truth_mm)
    np.testing.assert_allclose(truth.keypoints_px, samples.keypoints_px, atol=1e-3)
    assert truth.occluded[2].tolist() == [False, True] * 8 + [False]
    assert truth.sample_index.tolist() == [0, 1, 2]
    shuffled = samples.subset(np.array([2, 1, 0]))
    assert read_mupots_truth(official, shuffled).sample_index.tolist() == [2, 1, 0]
    assert read_mupots_truth(official, samples.subset([0, 1])).sample_index.tolist() == [0, 1, -1]
    assert len(truth.warnings) == 2  # one valid person of each sequence is in no listed frame

    predictions = make_predictions(truth_mm, MUPOTS_17, IMAGES)
    universal = evaluate_mupots(samples, predictions, truth=truth)
    assert universal.headline["3DPCK_rel all, %"] == 100  # bones are rescaled
    assert universal.headline["3DPCK_abs all, %"] == 0  # 4 m are 3.6 m
    assert not any("universal" in warning for warning in universal.warnings)
    metric = evaluate_mupots(samples, predictions, truth=truth, coordinates="metric")
    assert metric.headline["3DPCK_abs all, %"] == 100


def test_damaged_official_files_are_named(official, samples):
    path = official / "TS2" / "annot.mat"
    annotations = scipy.io.loadmat(path)["annotations"]
    annotations[1, 0]["annot3"][0, 0] = np.zeros((3, 16))
    scipy.io.savemat(path, {"annotations": annotations})
    with pytest.raises(UserError, match=r"TS2/annot.mat: annotations\{2,1\}.annot3: .*\(3, 16\)"):
        read_mupots_truth(official, samples)
    scipy.io.savemat(path, {"other": annotations})
    with pytest.raises(UserError, match=r"TS2/annot.mat: has no cell array 'annotations'"):
        read_mupots_truth(official, samples)
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:300]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"TS2/annot.mat"):
            read_mupots_truth(official, samples)
    path.unlink()
    with pytest.raises(UserError, match="no such file"):
        read_mupots_truth(official, samples)


def test_names_that_are_no_mupots_frames_are_refused(make_samples, make_people):
    samples = make_samples(make_people(1, 17), MUPOTS_17, image_names=["COCO_12.jpg"])
    with pytest.raises(UserError, match="COCO_12.jpg"):
        MupotsTruth.from_samples(samples)


def test_the_three_csv_files(official, samples, truth_mm, make_predictions, tmp_path):
    truth = read_mupots_truth(official, samples)
    errors, _ = mupots_errors(samples, make_predictions(truth_mm[1:], MUPOTS_17, [0, 1]), truth)
    out = tmp_path / "out"
    out.mkdir()
    paths = write_mupots_tables(out, truth, errors, matched_only=False)
    paths += write_mupots_tables(out, truth, errors, matched_only=True)
    stem = "multiperson_3dhp_evaluation_sequencewise.csv"
    assert [path.name for path in paths] == [
        f"{who}{part}{stem}"
        for who in ("all_annotated_", "only_matched_annotations_")
        for part in ("", "visible_joints_", "occluded_joints_")
    ]
    rows = list(csv.reader(paths[0].open()))
    sequences = ["TestSeq1", "TestSeq2"]
    assert [row[0] for row in rows] == ["MPJPE", *sequences, "PCK", *sequences, "AUC", *sequences]
    assert " ".join(rows[3]) == "PCK Head Neck Shou Elbow Wrist Hip Knee Ankle Total"
    assert rows[4][1:] == ["50.0000"] * 9
    assert rows[5][1:] == ["100.0000"] * 9
    assert rows[0][-1] == "Average"
    assert float(rows[1][-1]) == pytest.approx(errors[1].mean(), abs=1e-3)
    occluded = list(csv.reader(paths[2].open()))
    assert occluded[4][1] == "nan"  # the only joint of the head, 0, is never occluded
    matched = list(csv.reader(paths[3].open()))
    assert matched[4][1:] == ["100.0000"] * 9
    without = MupotsTruth.from_samples(samples)
    assert len(write_mupots_tables(out, without, errors, matched_only=True)) == 1


def test_the_mat_files_of_all_errors(official, samples, truth_mm, make_predictions, tmp_path):
    truth = read_mupots_truth(official, samples)
    errors, rows = mupots_errors(samples, make_predictions(truth_mm[1:], MUPOTS_17, [0, 1]), truth)
    assert rows.tolist() == [-1, 0, 1]
    cells = {}
    for matched_only in (False, True):
        path = write_mupots_errors(tmp_path, truth, errors, matched_only=matched_only)
        cells[path.name] = load_mat(path)["sequencewise_per_joint_error"]
    everybody = cells["all_annotated_multiperson_3dhp_evaluation.mat"]
    assert everybody.shape == (1, 20)
    assert [cell.shape for cell in everybody[0, :3]] == [(17, 1, 2), (17, 1, 1), (17, 1, 0)]
    relative = truth.universal_mm[0] - truth.universal_mm[0, 14]
    np.testing.assert_allclose(
        everybody[0, 0][:, 0, 0], np.linalg.norm(UNDETECTED_MM - relative, axis=1)
    )
    np.testing.assert_allclose(everybody[0, 0][:, 0, 1], errors[1])
    matched = cells["only_matched_annotations_multiperson_3dhp_evaluation.mat"]
    np.testing.assert_allclose(matched[0, 0], errors[1][:, None, None])
    np.testing.assert_allclose(matched[0, 1], errors[2][:, None, None])


def test_random_people_against_the_rules_written_out(make_people, make_samples, make_predictions):
    rng = np.random.default_rng(3)
    truth = make_people(12, 17, 1) + rng.uniform(-400, 400, (12, 1, 3))
    images = np.repeat([0, 1, 2, 3], 3)
    names = ["TS4/img_000000.jpg", "TS4/img_000001.jpg", "TS9/img_000000.jpg", "TS9/img_000001.jpg"]
    samples = make_samples(truth, MUPOTS_17, image_index=images, image_names=names)
    noise = rng.normal(size=truth.shape) * rng.uniform(10, 200, (12, 1, 1))
    order = rng.permutation(12)[:9]  # not everybody is found
    predictions = make_predictions((truth + noise)[order], MUPOTS_17, images[order])

    pck, auc = {4: [], 9: []}, {4: [], 9: []}
    for image in range(4):
        used: set[int] = set()
        for person in np.flatnonzero(images == image):
            best, best_count = None, 0
            for row in np.flatnonzero(predictions.image_index == image):
                count = 0
                for joint in range(1, 14):
                    offset = samples.keypoints_px[person] - predictions.keypoints_px[row]
                    count += np.abs(offset[joint]).max() < 40
                if row not in used and count > best_count:
                    best, best_count = row, count
            if best is None:
                continue
            used.add(best)
            pose = predictions.keypoints_mm[best] - predictions.keypoints_mm[best, 14]
            true = truth[person] - truth[person, 14]
            placed = {14: pose[14]}
            for parent, child in WALK:
                ratio = np.linalg.norm(true[child] - true[parent])
                ratio /= np.linalg.norm(pose[child] - pose[parent])
                placed[child] = placed[parent] + ratio * (pose[child] - pose[parent])
            errors = np.array([np.linalg.norm(placed[j] - true[j]) for j in range(14)])
            sequence = 4 if image < 2 else 9
            pck[sequence].append((errors < 150).mean())
            auc[sequence].append(np.maximum(0, 1 - np.floor(errors / 150 * 30 + 1) / 31).mean())
    result = evaluate_mupots(samples, predictions)
    for name, found in (("3DPCK", pck), ("AUC", auc)):
        matched = [100 * np.mean(found[sequence]) for sequence in (4, 9)]
        everyone = [m * len(found[s]) / 6 for m, s in zip(matched, (4, 9), strict=True)]
        assert column(result, 0, f"{name}_rel matched")[:2] == pytest.approx(matched)
        assert column(result, 0, f"{name}_rel all")[:2] == pytest.approx(everyone)
        assert result.headline[f"{name}_rel all, %"] == pytest.approx(np.mean(everyone))
    assert 4 < len(pck[4]) + len(pck[9]) < 10
    assert 10 < result.headline["3DPCK_rel matched, %"] < 90
