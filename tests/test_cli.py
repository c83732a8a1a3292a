"""The command, as a user calls it: in a process of its own."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from mobilehumanpose.results import poses_from_json

EXAMPLES = Path(__file__).parents[1] / "examples"
ASTRONAUT = EXAMPLES / "astronaut.jpg"


def mhp(*arguments: object, **kwargs) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from mobilehumanpose.cli import main; main()"]
        + [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **kwargs,
    )


def test_a_whole_prediction_never_imports_torch(tmp_path):
    program = (
        "import sys\n"
        "import mobilehumanpose\n"
        f"sys.argv = ['mhp', 'predict', {str(ASTRONAUT)!r}, '--out', {str(tmp_path)!r}]\n"
        "from mobilehumanpose.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "loaded = sorted(name for name in sys.modules if name.split('.')[0] == 'torch')\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path)) == ["astronaut.html", "astronaut.jpg", "astronaut.json"]
    (pose,) = poses_from_json((tmp_path / "astronaut.json").read_text(), "astronaut.json")
    assert pose.skeleton.name == "muco-21"


def test_options_reach_the_results(tmp_path):
    done = mhp(
        "predict", ASTRONAUT, "--out", tmp_path, "--format", "json", "--fov", 90,
        "--box", "20,10,480,500", "--box", "100,0,300,300", "--stature", 2,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert os.listdir(tmp_path) == ["astronaut.json"]
    document = json.loads((tmp_path / "astronaut.json").read_text())
    assert len(document["people"]) == 2
    assert document["people"][0]["camera"]["focal_px"] == pytest.approx([256, 256])
    assert not document["people"][0]["camera"]["is_assumed"]


def test_a_photograph_becomes_a_table(tmp_path):
    formats = ("--format", "csv", "--format", "json")  # as well as csv,json
    done = mhp("predict", ASTRONAUT, "--out", tmp_path, *formats, "--quick")
    assert done.returncode == 0, done.stderr
    (person,) = json.loads((tmp_path / "astronaut.json").read_text())["people"]
    with (tmp_path / "astronaut.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    head = person["joint_names"].index("Head")
    assert [float(row[f"Head_{axis}_px"]) for axis in "xy"] == person["keypoints_px"][head]
    assert [float(row[f"Head_{axis}_mm"]) for axis in "xyz"] == person["keypoints_mm"][head]
    assert 0 <= float(row["L_Elbow_degrees"]) <= 180


def test_a_picture_of_nobody_has_results_that_say_so(tmp_path):
    Image.new("RGB", (320, 240), "teal").save(tmp_path / "sea.png")
    done = mhp("predict", tmp_path / "sea.png", "--out", tmp_path, "--format", "json,html,csv,jpg")
    assert done.returncode == 0, done.stderr
    assert "sea.png: nobody was found" in done.stdout
    assert "--box" in done.stdout
    assert json.loads((tmp_path / "sea.json").read_text())["people"] == []
    assert len((tmp_path / "sea.csv").read_text().splitlines()) == 1  # names of columns
    assert "No people were found" in (tmp_path / "sea.html").read_text()
    assert Image.open(tmp_path / "sea.jpg").size == (320, 240)


def test_a_folder_goes_on_past_a_broken_photo(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(ASTRONAUT.read_bytes())
    (photos / "b.jpg").write_bytes(ASTRONAUT.read_bytes()[:5000])
    done = mhp("predict", photos, "--out", tmp_path / "out", "--format", "json")
    assert done.returncode == 1
    assert "1 of 2 photographs failed" in done.stderr
    assert "b.jpg" in done.stderr
    assert os.listdir(tmp_path / "out") == ["a.json"]


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (["predict", "absent.jpg"], 1, "absent.jpg"),
        (["predict", ASTRONAUT, "--box", "0,0,0,0"], 1, "box 0"),
        (["predict", ASTRONAUT, "--box", "900,900,9,9"], 1, "outside the picture"),
        (["predict", ASTRONAUT, "--box", "1,2"], 2, "1,2"),
        (["predict", ASTRONAUT, "--format", "gif"], 2, "gif"),
        (["predict", ASTRONAUT, "--fov", "190"], 1, "field of view 190"),
        (["predict", ASTRONAUT, "--stature", "nan"], 1, "stature"),
        (["predict", ASTRONAUT, "--model", "none.onnx"], 1, "none.onnx"),
        (["predict", ASTRONAUT, "--model", "huge"], 1, "unknown model 'huge'"),
        (["predict"], 2, "sources"),
        (["fly"], 2, "fly"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(tmp_path, arguments, status, named):
    extra = ["--out", "out"] if arguments[0] == "predict" else []
    done = mhp(*arguments, *extra, cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    if status == 1:
        assert done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("out/*"))


def test_an_output_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    done = mhp("predict", ASTRONAUT, "--out", tmp_path / "file" / "out")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot be made a folder" in done.stderr


def test_results_never_overwrite_a_photo_or_each_other(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(ASTRONAUT.read_bytes())
    done = mhp("predict", photo, "--out", tmp_path)
    assert done.returncode == 1
    assert "overwrite" in done.stderr
    assert photo.read_bytes() == ASTRONAUT.read_bytes()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.jpg").write_bytes(ASTRONAUT.read_bytes())
    done = mhp("predict", photo, tmp_path / "b" / "a.jpg", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "same result files" in done.stderr


def test_a_folder_in_the_place_of_a_result_stops_all_of_them(tmp_path):
    (tmp_path / "astronaut.html").mkdir()
    done = mhp("predict", ASTRONAUT, "--out", tmp_path)
    assert done.returncode == 1
    assert "astronaut.html: is a folder" in done.stderr
    assert os.listdir(tmp_path) == ["astronaut.html"]


def test_a_picture_that_no_jpeg_can_hold_leaves_no_file(tmp_path):
    Image.new("L", (70_000, 20)).save(tmp_path / "wide.png")
    done = mhp(
        "predict", tmp_path / "wide.png", "--out", tmp_path / "out", "--quick",
        "--format", "json,jpg",
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "wide.png: a picture of 70000×20 px cannot be written as JPEG" in done.stderr
    assert os.listdir(tmp_path / "out") == []


def test_names_of_files_are_no_mark_up_and_need_not_be_utf_8(tmp_path):
    folder = tmp_path / "a[" / "red]"
    folder.mkdir(parents=True)
    photo = folder / "-x:dog:[red]\udcff.jpg"
    photo.symlink_to(ASTRONAUT)
    done = mhp(
        "predict", photo, photo, "--out", folder / "out", "--quick", "--format", "json,html,json",
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "a[/red]/out/-x:dog:[red]\\udcff.json" in done.stdout
    assert len(os.listdir(folder / "out")) == 2
    assert done.stdout.count(": 1 person") == 1


def test_version_and_models():
    assert mhp("--version").stdout.strip().count(".") == 2
    done = mhp("models", "--json")
    assert done.returncode == 0, done.stderr
    entries = {entry["preset"]: entry for entry in json.loads(done.stdout)}
    assert entries["lpski-l"]["parameters"] == 4_073_248
    assert [w["name"] for w in entries["lpski-lite0"]["weights"]] == ["lpski-lite0-wild"]
    assert entries["lpski-l"]["weights"] == []


def test_the_tables_of_models_fit_into_a_terminal():
    printed = mhp("models", env={**os.environ, "COLUMNS": "80"}).stdout
    assert max(map(len, printed.splitlines())) <= 80
    entries = json.loads(mhp("models", "--json").stdout)
    for entry in entries:
        assert f" {entry['preset']} " in printed
        for weights in entry["weights"]:
            (line,) = [
                row for row in printed.splitlines() if row.startswith(f" {weights['name']} ")
            ]
            assert f"{weights['measured']['LSPET PCK@0.2']:.3f}" in line


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["train", "lspet-huge"], "lspet-lite0"),
        (["train", "lspet-lite0", "--data", "nowhere"], "nowhere/lspet-train.npz"),
        (["export", "absent.safetensors", "--out", "a.onnx"], "absent.safetensors"),
        (["export", "absent.pth.tar", "--out", "a.onnx"], "--preset"),
    ],
)
def test_the_workshop_s_mistakes_are_one_line_too(tmp_path, arguments, named):
    done = mhp(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert named in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_workshop_says_what_it_needs():
    program = (
        "import sys\n"
        "sys.modules['torch'] = None\n"  # as if it were not installed
        "sys.argv = ['mhp', 'train', 'lspet-lite0']\n"
        "from mobilehumanpose.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'mobilehumanpose[train]'" in done.stderr


def test_only_videos_need_pyav(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"any")

    def predict_without_pyav(path: Path) -> subprocess.CompletedProcess[str]:
        program = (
            "import sys\n"
            "sys.modules['av'] = None\n"  # as if it were not installed
            f"sys.argv = ['mhp', 'predict', {str(path)!r}, '--out', {str(tmp_path / 'out')!r}]\n"
            "from mobilehumanpose.cli import main\n"
            "main()\n"
        )
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    done = predict_without_pyav(tmp_path / "clip.mp4")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "pip install 'mobilehumanpose[video]'" in done.stderr
    done = predict_without_pyav(ASTRONAUT)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path / "out")) == [
        "astronaut.html",
        "astronaut.jpg",
        "astronaut.json",
    ]
