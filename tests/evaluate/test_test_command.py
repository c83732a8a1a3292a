"""``mhp test`` and ``mhp data`` on miniature sets, as a user calls them."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from mobilehumanpose.cli import app
from mobilehumanpose.evaluate.protocols import TEST_PROTOCOLS

run = CliRunner().invoke
MINIATURES = ("human36m", "mupots", "mscoco", "mpi-inf-3dhp")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    result = run(app, ["data", "miniature", *MINIATURES, "--data", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.parametrize("boxes", [[], ["--detected"]])
def test_mupots_from_model_to_report_and_again_from_its_files(data, tmp_path, boxes):
    arguments = ["test", "mupots", "--data", str(data), "--flip", "off", "--out"]
    first = run(app, [*arguments, str(tmp_path / "model"), *boxes])
    assert first.exit_code == 0, first.output
    assert ("roots were taken from the" in first.output) is not bool(boxes)
    folder = tmp_path / "model" / "result" / ("mupots-detected" if boxes else "mupots")
    assert "<html" in (folder / "report.html").read_text()
    figures = (folder / "table-01-3dpck-at-150-mm-and-auc-over-0-150-mm-14-joints.csv").read_text()
    for name in ("preds_3d_kpt_mupots.mat", "predictions.json"):
        out = tmp_path / name
        again = run(app, [*arguments, str(out), "--predictions", str(folder / name)])
        assert again.exit_code == 0, again.output
        table = next((out / "result" / "mupots").glob("table-01*.csv")).read_text()
        assert table == figures


def test_a_model_of_other_joints_is_refused_before_it_runs(data, tmp_path):
    arguments = ["test", "human36m-protocol2", "--data", str(data), "--out", str(tmp_path)]
    result = run(app, arguments)
    assert result.exit_code == 1
    assert "lpski-basic-wild: its joint set 'muco-21' lacks Neck, Nose, Torso" in str(
        result.exception
    )


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


@pytest.mark.parametrize(
    ("protocol", "figure"),
    [
        ("mpi-inf-3dhp", "3DPCK, %"),
        ("mupots-roots", "AP_root@25cm, %"),
        ("human36m-roots", "MRPE z, mm"),
    ],
)
def test_every_set_with_pictures_from_model_to_report_and_again(data, tmp_path, protocol, figure):
    arguments = ["test", protocol, "--data", str(data), "--flip", "off", "--out"]
    first = run(app, [*arguments, str(tmp_path / "model")])
    assert first.exit_code == 0, first.output
    assert figure in first.output
    # What the first run was told of is what it measured: the roots are not the true ones.
    assert "roots were taken from the truth" not in first.output
    folder = tmp_path / "model" / "result" / protocol
    assert "<html" in (folder / "report.html").read_text()
    again = run(
        app, [*arguments, str(tmp_path / "2"), "--predictions", str(folder / "predictions.json")]
    )
    assert again.exit_code == 0, again.output
    summaries = [
        (tmp_path / out / "result" / protocol / "summary.txt").read_text() for out in ("model", "2")
    ]
    first_figures, again_figures = (text.partition("\n\n")[2] for text in summaries)
    assert figure in first_figures
    assert again_figures == first_figures


@pytest.mark.parametrize(
    ("protocol", "path", "figure"),
    [
        (
            "mupots-roots",
            "MuPoTS/bbox_root/bbox_root_mupots_output.json",
            "Recall of roots@25cm, %  100",
        ),
        (
            "human36m-roots",
            "Human36M/bbox_root/bbox_root_human36m_output.json",
            "MRPE, mm    0",
        ),
    ],
)
def test_detected_roots_are_measured_as_they_are(data, tmp_path, protocol, path, figure):
    """Those of the miniature have no error."""
    arguments = ["test", protocol, "--data", str(data), "--out", str(tmp_path)]
    result = run(app, [*arguments, "--predictions", str(data / path)])
    assert result.exit_code == 0, result.output
    assert figure in result.output


def test_coco_from_another_tool_s_results(data, tmp_path):
    truth = json.loads((data / "MSCOCO/annotations/person_keypoints_val2017.json").read_text())
    people = [a for a in truth["annotations"] if a["num_keypoints"] and not a["iscrowd"]]
    entries = [
        {"image_id": a["image_id"], "category_id": 1, "keypoints": a["keypoints"], "score": 0.5}
        for a in people
    ]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(entries))
    arguments = ["test", "coco", "--data", str(data), "--out", str(tmp_path)]
    result = run(app, [*arguments, "--predictions", str(path)])
    assert result.exit_code == 0, result.output
    assert "AP, %         100" in result.output
    assert "<html" in (tmp_path / "result" / "coco" / "report.html").read_text()
    path.write_text(json.dumps(entries[:6]))
    result = run(app, [*arguments, "--predictions", str(path)])
    assert "AR, %         50  " in result.output


def test_an_exported_model_is_tested_without_torch(data, tmp_path):
    program = (
        "import sys\n"
        f"sys.argv = ['mhp', 'test', 'mpi-inf-3dhp', '--data', {str(data)!r}, '--flip', 'off', "
        f"'--out', {str(tmp_path)!r}]\n"
        "from mobilehumanpose.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "result" / "mpi-inf-3dhp" / "report.html").is_file()


def test_help_names_every_test():
    words = " ".join(run(app, ["test", "--help"], terminal_width=200).output.split())
    for name in TEST_PROTOCOLS:
        assert name in words


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
        (["test", "martians"], "muco-coco"),
        (["test", "mupots", "--test-epoch", "3"], "--test-epoch goes with a recipe"),
        (["test", "mupots", "--backbone", "LPRES"], "--backbone goes with a recipe"),
        (["test", "muco-coco", "--model", "x.onnx"], "--model goes with a protocol"),
        (["test", "muco-coco"], "muco-coco.safetensors: no such network"),
        (["test", "muco-coco", "--protocol", "martians"], "muco-coco.safetensors: no such"),
        (["test", "mupots", "--model", "x.onnx", "--predictions", "y.mat"], "one of them"),
        (["test", "mupots", "--detected", "--predictions", "y.mat"], "one of them"),
        (["test", "mupots", "--model", "absent.safetensors"], "absent.safetensors: no such file"),
        (["test", "mpi-inf-3dhp", "--detected"], "has no part 'test-detected'"),
        (["test", "lspet"], "lspet-train.npz"),
        (["test", "mupots", "--predictions", "absent.mat"], "absent.mat"),
        (["data", "miniature", "martians"], "martians"),
        (["data", "check", "martians"], "martians"),
    ],
)
def test_mistakes_are_named(data, arguments, message, tmp_path):
    place = ["--data", str(data if {"mupots", "mpi-inf-3dhp"} & {*arguments} else tmp_path)]
    if arguments[0] == "test":
        place += ["--out", str(tmp_path)]
    result = run(app, [*arguments, *place])
    assert result.exit_code == 1
    assert message in str(result.exception)
    assert not list(tmp_path.iterdir())
