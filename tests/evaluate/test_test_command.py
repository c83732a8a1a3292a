"""``mhp test`` and ``mhp data`` on miniature sets, as a user calls them."""

import json

import pytest
from typer.testing import CliRunner

from mobilehumanpose.cli import app

run = CliRunner().invoke


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    result = run(app, ["data", "miniature", "human36m", "mupots", "--data", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.parametrize("boxes", [[], ["--detected"]])
def test_mupots_from_model_to_report_and_again_from_its_files(data, tmp_path, boxes):
    arguments = ["test", "mupots", "--data", str(data), "--flip", "off", "--out"]
    first = run(app, [*arguments, str(tmp_path / "model"), *boxes])
    assert first.exit_code == 0, first.output
    assert ("roots were taken from the" in first.output) is not bool(boxes)
    folder = tmp_path / "model" / "mupots"
    assert "<html" in (folder / "report.html").read_text()
    figures = (folder / "table-01-3dpck-at-150-mm-and-auc-over-0-150-mm-14-joints.csv").read_text()
    for name in ("preds_3d_kpt_mupots.mat", "predictions.json"):
        out = tmp_path / name
        again = run(app, [*arguments, str(out), "--predictions", str(folder / name)])
        assert again.exit_code == 0, again.output
        table = next((out / "mupots").glob("table-01*.csv")).read_text()
        assert table == figures


def test_a_model_of_other_joints_is_refused_before_it_runs(data, tmp_path):
    arguments = ["test", "human36m-protocol2", "--data", str(data), "--out", str(tmp_path)]
    result = run(app, arguments)
    assert result.exit_code == 1
    assert "lacks Neck, Nose, Torso" in str(result.exception)


def test_human36m_from_the_original_s_file(data, tmp_path):
    images = json.loads(
        (data / "Human36M" / "annotations" / "Human36M_subject11_data.json").read_text()
    )["images"]
    tested = [image for image in images if image["frame_idx"] % 64 == 0]
    people = [
        {
            "image_id": image["id"],
            "joint_cam": [[0.0, 0.0, 0.0]] * 17,
            "bbox": [0.0, 0.0, 1.0, 1.0],
            "root_cam": [0.0, 0.0, 3000.0],
        }
        for image in tested
    ]
    path = tmp_path / "bbox_root_pose_human36m_output.json"
    path.write_text(json.dumps(people))
    arguments = ["test", "human36m-protocol1", "--data", str(data), "--predictions", str(path)]
    result = run(app, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "PA-MPJPE rigid" in result.output
    path.write_text(json.dumps(people[1:]))
    result = run(app, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert str(tested[0]["file_name"]) in str(result.exception)


def test_a_damaged_set_fails_its_check(data, tmp_path):
    good = run(app, ["data", "check", "mupots", "--data", str(data)])
    assert good.exit_code == 0, good.output
    bad = run(app, ["data", "check", "mupots", "--data", str(tmp_path)])
    assert bad.exit_code == 1
    assert "MuPoTS-3D.json" in bad.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["test", "martians"], "human36m-protocol1"),
        (["test", "mupots", "--predictions", "absent.mat"], "absent.mat"),
        (["data", "miniature", "martians"], "martians"),
        (["data", "check", "martians"], "martians"),
    ],
)
def test_mistakes_are_named(data, arguments, message, tmp_path):
    place = ["--data", str(data if "mupots" in arguments else tmp_path)]
    if arguments[0] == "test":
        place += ["--out", str(tmp_path)]
    result = run(app, [*arguments, *place])
    assert result.exit_code == 1
    assert message in str(result.exception)
    assert not list(tmp_path.iterdir())
