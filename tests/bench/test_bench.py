"""``mhp bench``: what it makes of times, its table and plot, and its options' mistakes."""

import hashlib
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from mobilehumanpose.bench.clock import PARTS, WHOLE, Candidate, ratio, spread, time_in_turns
from mobilehumanpose.bench.command import bench
from mobilehumanpose.bench.report import markdown, summary, svg
from mobilehumanpose.errors import UserError
from mobilehumanpose.weights import DEFAULT_MODEL, model_path


def nothing() -> None:
    pass


def candidate(name: str, crop=nothing, network=nothing, decode=nothing) -> Candidate:
    return Candidate(name=name, runtime="none", crop=crop, network=network, decode=decode)


def times_of(crop: float, network: float, decode: float) -> dict[str, np.ndarray]:
    """Five rounds, each twice as slow as the one before."""
    slower = 2.0 ** np.arange(5)
    parts = (crop, network, decode, crop + network + decode)
    return {part: ms * slower for part, ms in zip((*PARTS, WHOLE), parts, strict=True)}


CONDITIONS = {"threads": 2, "rounds": 5}


def run(tmp_path, models, **options):
    settings = {
        "runtimes": [],
        "num_threads": 1,
        "rounds": 1,
        "blazepose": None,
        "photo": None,
        "box": None,
        "out": tmp_path / "out",
        "say": lambda text: None,
    }
    return bench(models, **{**settings, **options})


def test_spread_and_ratio():
    found = spread(np.arange(11.0))
    assert (found.p10_ms, found.median_ms, found.p90_ms) == (1, 5, 9)
    # Of each round by itself: the slow last one weighs no more than the others.
    assert ratio(np.array([1.0, 2, 300]), np.array([2.0, 4, 100])) == 0.5


def test_everyone_takes_a_turn_in_each_round_and_nobody_always_follows_the_same():
    order: list[str] = []

    def step(text: str):
        return lambda: order.append(text)

    three = [candidate(n, *(step(f"{n} {part}") for part in PARTS)) for n in "abc"]
    times = time_in_turns(three, 20)
    whole = [order[at : at + 3] for at in range(0, len(order), 3)]
    assert all(frame == [f"{frame[0][0]} {part}" for part in PARTS] for frame in whole)
    turns = "".join(frame[0][0] for frame in whole)
    rounds = [turns[at : at + 3] for at in range(0, len(turns), 3)]
    assert len(rounds) == 20 + 3  # and three to warm up
    assert all(sorted(names) == ["a", "b", "c"] for names in rounds)
    followed = {names[at : at + 2] for names in rounds for at in (0, 1)}
    assert followed == {"ab", "ac", "ba", "bc", "ca", "cb"}
    for own in times:
        assert {part: array.shape for part, array in own.items()} == dict.fromkeys(
            (*PARTS, WHOLE), (20,)
        )
        np.testing.assert_allclose(sum(own[part] for part in PARTS), own[WHOLE], rtol=1e-6)
    with pytest.raises(UserError, match="at least 1"):
        time_in_turns(three, 0)


def test_all_are_compared_with_blazepose_s_networks_or_the_first():
    ours, theirs = candidate("ours"), candidate("BlazePose lite")
    times = [times_of(1, 8, 1), times_of(2, 20, 3)]
    figures = summary([ours, theirs], times, CONDITIONS)
    assert figures["bases"] == {"names": ["BlazePose lite"], "part": "network"}
    mine, its = figures["results"]
    assert mine["ratios"] == {"BlazePose lite": pytest.approx(10 / 20)}
    assert its["ratios"] == {"BlazePose lite": pytest.approx(25 / 20)}
    assert mine["around_network"] == pytest.approx(0.2)
    assert mine["parts"]["network"]["median_ms"] == pytest.approx(8 * 4)
    among_ours = summary([ours, candidate("other")], times, CONDITIONS)
    assert among_ours["bases"] == {"names": ["ours"], "part": "whole"}
    assert among_ours["results"][1]["ratios"] == {"ours": pytest.approx(2.5)}


def test_the_table_and_the_plot_hold_the_figures():
    two = [candidate("a<b"), candidate("BlazePose lite")]
    figures = summary(two, [times_of(1, 8, 1), times_of(2, 20, 3)], CONDITIONS)
    table = markdown(figures).splitlines()
    assert table[0] == "threads: 2, rounds: 5."
    assert table[4].startswith("| model | runtime | crop, ms |")
    assert table[4].endswith("| whole ÷ BlazePose lite network |")
    assert len({line.count("|") for line in table[4:]}) == 1
    cells = [cell.strip() for cell in table[6].split("|")[1:-1]]
    assert cells[0] == "a<b"
    assert cells[3] == "32.00 (11.20–102.40)"
    assert cells[-2:] == ["20.0%", "0.50"]
    root = ET.fromstring(svg(figures))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a<b · none", "40.00 ms", *PARTS} <= set(texts)
    bars = [float(e.get("width")) for e in root.iter("{http://www.w3.org/2000/svg}rect")][1:7]
    np.testing.assert_allclose(np.array(bars) / bars[0], [1, 8, 1, 2, 20, 3], rtol=0.05)


def test_a_bundled_model_is_timed_to_the_end(tmp_path):
    table = run(tmp_path, [DEFAULT_MODEL], rounds=2)
    assert table == (tmp_path / "out" / "bench.md").read_text(encoding="utf-8")
    content = json.loads((tmp_path / "out" / "bench.json").read_text(encoding="utf-8"))
    assert content["format"] == "mobilehumanpose-bench"
    assert content["conditions"]["rounds"] == 2
    assert [r["name"] for r in content["results"]] == [DEFAULT_MODEL]
    ET.parse(tmp_path / "out" / "bench.svg")
    assert len(list((tmp_path / "out").iterdir())) == 3


def with_sidecar(tmp_path, **changes):
    """The bundled model's file under another name, with a JSON as exports have it."""
    path = tmp_path / "net.onnx"
    path.write_bytes(model_path(DEFAULT_MODEL).read_bytes())
    content = {
        "format": "mobilehumanpose-model",
        "name": "net",
        "precision": "float16",
        "output": "joints",
        "input": {
            "shape": [1, 256, 256, 3],
            "layout": "NHWC",
            "dtype": "uint8",
            "mean": [0, 0, 0],
            "std": [1, 1, 1],
        },
        "outputs": [
            {"name": "cells", "meaning": "cells"},
            {"name": "scores", "meaning": "scores"},
        ],
        "grid_cells": [32, 32, 32],
        "depth_range_mm": 2000.0,
        "joint_set": "muco-21",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    path.with_suffix(".json").write_text(json.dumps({**content, **changes}))
    return str(path)


def test_a_file_is_fed_as_the_json_beside_it_says(tmp_path):
    assert "| net.onnx | onnxruntime |" in run(tmp_path, [with_sidecar(tmp_path)])


def test_heat_maps_of_ncnn_are_decoded_to_joints(tmp_path, monkeypatch):
    pytest.importorskip("ncnn")
    pytest.importorskip("pnnx")
    from mobilehumanpose.bench import candidates
    from mobilehumanpose.export.command import ExportOptions, export_model

    told, in_earnest = [], candidates.place_in_camera

    def place(keypoints_px, *rest, **options):
        told.append(keypoints_px)
        return in_earnest(keypoints_px, *rest, **options)

    monkeypatch.setattr(candidates, "place_in_camera", place)
    path = tmp_path / "net.param"
    export_model("lpski-basic-quarter-wild", path, ExportOptions(to="ncnn", precision="float32"))
    photo = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
    table = run(tmp_path, ["lpski-basic-quarter-wild", str(path)], photo=photo)
    assert "| net.param | ncnn |" in table
    # Everyone is tried once before the turns begin.
    onnx, ncnn = told[:2]
    np.testing.assert_allclose(ncnn, onnx, atol=0.01)
    path.with_suffix(".bin").unlink()
    with pytest.raises(UserError, match=r"net\.param: ncnn cannot read it: it or its \.bin"):
        run(tmp_path, [str(path)])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"output": "heatmaps"}, "net.json: KeyError in its fields: 'heatmaps'"),
        ({"output": "angles"}, "net.json: KeyError in its fields: 'angles'"),
        ({"position": "best"}, "net.json: position is 'best'"),
        ({"sha256": "0"}, "net.json: describes another file than"),
        ({"grid_cells": [32, 32]}, "net.json: ValueError in its fields"),
        ({"outputs": []}, "net.json: KeyError in its fields: 'cells'"),
        (
            {
                "input": {
                    "shape": [1, 64, 64, 3],
                    "layout": "NHWC",
                    "dtype": "float32",
                    "mean": [0, 0, 0],
                    "std": [1, 1, 1],
                }
            },
            "net.onnx: does not run in onnxruntime",
        ),
    ],
)
def test_a_json_that_does_not_fit_is_refused(tmp_path, changes, named):
    with pytest.raises(UserError) as caught:
        run(tmp_path, [with_sidecar(tmp_path, **changes)])
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("models", "options", "named"),
    [
        ([DEFAULT_MODEL], {"num_threads": 0}, "--threads 0"),
        ([DEFAULT_MODEL], {"rounds": 0}, "--rounds 0"),
        ([DEFAULT_MODEL], {"runtimes": ["tensorrt"]}, "--runtime 'tensorrt'"),
        ([DEFAULT_MODEL], {"runtimes": ["litert"]}, "not by litert"),
        ([DEFAULT_MODEL], {"box": (0, 0, 9, 9)}, "--box goes with --photo"),
        (["nobody"], {}, "unknown model 'nobody'"),
        (["absent.onnx"], {}, "absent.onnx: no such"),
        (["notes.txt"], {}, "notes.txt: files that end in"),
        ([], {}, "nothing to time"),
    ],
)
def test_mistakes_leave_nothing(tmp_path, models, options, named):
    with pytest.raises(UserError) as caught:
        run(tmp_path, models, **options)
    assert named in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_blazepose_s_files_must_be_there(tmp_path):
    with pytest.raises(UserError, match=r"pose_landmark_lite\.tflite: no such file"):
        run(tmp_path, [], blazepose=tmp_path)


def test_presets_take_no_other_activation(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("onnxslim")
    with pytest.raises(UserError, match="lpski-xs:tanh: prelu and relu6"):
        run(tmp_path, ["lpski-xs:tanh"])


def test_presets_take_one_activation(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("onnxslim")
    with pytest.raises(UserError, match="one activation is possible, not relu6 and prelu"):
        run(tmp_path, ["lpski-xs:relu6:prelu"])


def test_presets_are_quantised_where_that_is_asked_for(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("onnxslim")
    table = run(tmp_path, ["lpski-xs:relu6:int8"])
    assert "lpski-xs:relu6:int8, random" in table
