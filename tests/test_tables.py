"""Poses as CSV and TRC."""

import csv
import os
from dataclasses import replace

import numpy as np
import pytest

from mobilehumanpose import UserError
from mobilehumanpose.angles import joint_angles_degrees
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.tables import csv_writer, trc_writer

JOINTS = MUCO_21.joint_names


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_a_row_for_each_person_and_picture(tmp_path, pose):
    path = tmp_path / "a.csv"
    other = replace(pose, track_id=7, keypoints_mm=pose.keypoints_mm + 1000)
    with csv_writer(path, MUCO_21) as add:
        add(0.0, [replace(pose, track_id=3), other])
        add(0.04, [])
        add(0.08, [other])
    rows = rows_of(path)
    assert [(row["frame"], row["time_s"], row["person"]) for row in rows] == [
        ("0", "0.000000", "3"), ("0", "0.000000", "7"), ("2", "0.080000", "7"),
    ]  # fmt: skip
    for row, original in zip(rows, (pose, other, other), strict=True):
        px = [[float(row[f"{joint}_{axis}_px"]) for axis in "xy"] for joint in JOINTS]
        mm = [[float(row[f"{joint}_{axis}_mm"]) for axis in "xyz"] for joint in JOINTS]
        np.testing.assert_allclose(px, original.keypoints_px, atol=0.006)
        np.testing.assert_allclose(mm, original.keypoints_mm, atol=0.006)
        scores = [float(row[f"{joint}_score"]) for joint in JOINTS]
        np.testing.assert_allclose(scores, original.scores, atol=6e-5)
        for name, degrees in joint_angles_degrees(original.keypoints_mm, MUCO_21).items():
            assert float(row[f"{name}_degrees"]) == pytest.approx(float(degrees), abs=0.006)


def test_csv_of_a_photograph_has_no_times_and_numbers_its_people(tmp_path, pose):
    path = tmp_path / "a.csv"
    with csv_writer(path, MUCO_21) as add:
        add(None, [pose, pose])
    assert [(row["time_s"], row["person"]) for row in rows_of(path)] == [("", "0"), ("", "1")]


def test_csv_without_people_still_says_its_columns(tmp_path):
    path = tmp_path / "a.csv"
    with csv_writer(path, MUCO_21) as add:
        add(None, [])
    assert rows_of(path) == []
    assert path.read_text().startswith("frame,time_s,person,Head_top_x_px,")


def test_csv_leaves_an_angle_empty_that_there_is_not(tmp_path, pose):
    keypoints_mm = pose.keypoints_mm.copy()
    keypoints_mm[JOINTS.index("L_Hand")] = keypoints_mm[JOINTS.index("L_Wrist")]
    path = tmp_path / "a.csv"
    with csv_writer(path, MUCO_21) as add:
        add(None, [replace(pose, keypoints_mm=keypoints_mm)])
    (row,) = rows_of(path)
    assert row["L_Wrist_degrees"] == ""
    assert float(row["R_Wrist_degrees"]) > 0


def test_trc_is_what_opensim_reads(tmp_path, pose):
    path = tmp_path / "walk.trc"
    with trc_writer(path, MUCO_21, 30000 / 1001) as add:
        add(0.0, [pose])
        add(1001 / 30000, [])
        add(2002 / 30000, [pose])
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    assert lines[0] == ["PathFileType", "4", "(X/Y/Z)", "walk.trc"]
    head = dict(zip(lines[1], lines[2], strict=True))
    assert (head["NumFrames"], head["NumMarkers"], head["Units"]) == ("3", "21", "mm")
    assert (head["OrigNumFrames"], head["OrigDataStartFrame"]) == ("3", "1")
    assert float(head["DataRate"]) == float(head["CameraRate"]) == pytest.approx(29.97003)
    assert lines[3][:2] == ["Frame#", "Time"]
    assert lines[3][2::3] == list(JOINTS)
    # As many cells as data have, or pandas takes the first two for an index.
    assert {len(line) for line in lines[3:5] + lines[6:]} == {65}
    assert lines[4] == ["", "", *(f"{axis}{i}" for i in range(1, 22) for axis in "XYZ")]
    assert lines[5] == [""]
    assert [line[:2] for line in lines[6:]] == [
        ["1", "0.000000"], ["2", "0.033367"], ["3", "0.066733"],
    ]  # fmt: skip
    # OpenSim 4.6 refuses rows that end with empty cells; its own files have this.
    assert lines[7][2:] == ["nan"] * 63
    x_y_z = np.array(lines[6][2:], float).reshape(21, 3)
    np.testing.assert_allclose(x_y_z, pose.keypoints_mm * (1, -1, -1), atol=6e-4)
    assert lines[8][2:] == lines[6][2:]


def test_trc_takes_files_of_any_name(tmp_path, pose):
    path = tmp_path / "a\tb\udcff.trc"
    with trc_writer(path, MUCO_21, 25) as add:
        add(0.0, [pose])
    assert path.read_text(encoding="utf-8").splitlines()[0].split("\t")[3] == r"a b\udcff.trc"


def write_both(folder, pictures):
    with (
        csv_writer(folder / "a.csv", MUCO_21) as add,
        trc_writer(folder / "a.trc", MUCO_21, 25) as add_line,
    ):
        for time_s, poses in enumerate(pictures):
            add_line(time_s, poses)
            add(time_s, poses)


@pytest.mark.parametrize("field", ["keypoints_mm", "keypoints_px", "scores"])
def test_what_is_no_number_is_refused_and_leaves_no_file(tmp_path, pose, field):
    values = getattr(pose, field).copy()
    values.flat[3] = np.nan
    pictures = [[pose], [replace(pose, **{field: values})]]
    with pytest.raises(UserError, match=f"{field} holds a number that is not finite"):
        write_both(tmp_path, pictures)
    assert os.listdir(tmp_path) == []
    write_both(tmp_path, pictures[:1])
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "a.trc"]


def test_a_folder_that_is_not_there_is_told_before_anything_is_worked_out(tmp_path):
    for writer in (csv_writer(tmp_path / "no" / "a.csv", MUCO_21),
                   trc_writer(tmp_path / "no" / "a.trc", MUCO_21, 25)):  # fmt: skip
        with pytest.raises(UserError, match="cannot be written"):
            writer.__enter__()
