"""What is checked before a file is written, and what is left when a check fails."""

import copy
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mobilehumanpose.errors import UserError
from mobilehumanpose.export import command, targets
from mobilehumanpose.export.accuracy import Accuracy, refuse_loss
from mobilehumanpose.export.command import ExportOptions, export_checked, export_model
from mobilehumanpose.export.crops import CropSet, calibration_crops, check_crops, keep_back
from mobilehumanpose.export.parity import compare, refuse_difference
from mobilehumanpose.export.sidecar import InputSpec, Interface, usual_outputs
from mobilehumanpose.export.source import Reference, average, load_source
from mobilehumanpose.export.targets import Target, WeightsOnly, find_target
from mobilehumanpose.media import encode_jpeg, write_file
from mobilehumanpose.runtime import PoseNetwork
from mobilehumanpose.weights import DEFAULT_MODEL, model_path


def pretended(source, *, off_by_cells: float = 0.0) -> Target:
    """A target whose runtime is PyTorch, with answers that are off by so much."""
    side = source.input_px
    interface = Interface(
        input=InputSpec(name="image", shape=(1, side, side, 3), layout="NHWC", dtype="uint8"),
        outputs=usual_outputs(source.num_joints, source.grid, with_head=True),
    )

    def convert(job):
        job.path.write_bytes(b"graph")
        job.path.with_suffix(".bin").write_bytes(b"weights")
        return interface

    def load(path, _):
        assert path.read_bytes() == b"graph"

        def run(image):
            cells, scores = Reference(source)(image)
            return [cells + np.float32([off_by_cells, 0, 0]), scores]

        return run

    return Target(
        name="pretended", suffix=".net", packages=(), extra="none", convert=convert, load=load
    )


def export(source, path, crops, precision="float32", **options):
    return export_checked(
        source,
        path,
        pretended(source, **options),
        precision=precision,
        with_head=True,
        compared=CropSet(crops[:2], "pictures"),
    )


def test_a_file_and_all_that_an_app_must_know_lie_side_by_side(tmp_path, source, crops):
    told = export(source, tmp_path / "new" / "my.net", crops)
    assert "my.net: written in float32; joints differ from PyTorch's by" in told
    folder = tmp_path / "new"
    assert sorted(p.name for p in folder.iterdir()) == ["my.bin", "my.json", "my.net"]
    content = json.loads((folder / "my.json").read_text())
    assert content["format"] == "mobilehumanpose-model"
    assert (content["name"], content["preset"]) == ("my", "lpski-xs")
    assert (content["file"], content["bytes"]) == ("my.net", 5)
    assert content["sha256"] == hashlib.sha256(b"graph").hexdigest()
    assert content["further_files"] == [
        {"file": "my.bin", "sha256": hashlib.sha256(b"weights").hexdigest(), "bytes": 7}
    ]
    assert (content["target"], content["precision"]) == ("pretended", "float32")
    assert content["output"] == "joints"
    assert content["input"]["shape"] == [1, 64, 64, 3]
    assert content["input"]["mean"] == [0, 0, 0]
    assert [output["meaning"] for output in content["outputs"]] == ["cells", "scores"]
    assert content["grid_cells"] == [8, 8, 8]
    assert content["position"] == "peak"
    assert (content["peak_sigma_cells"], content["peak_power"]) == (1.5 / 32 * 8, 8)
    assert content["score_radius_cells"] == 1.5 / 32 * 8
    assert len(content["joints"]) == 21
    assert content["joints"][content["edges"][0][0]] == "Head_top"
    assert content["root"] == "Pelvis"
    assert content["parity"]["crops"] == 2
    assert content["parity"]["against"] == "PyTorch float32"
    assert content["licence"] == "test"


def test_how_joints_are_read_can_be_chosen(tmp_path, crops):
    path = tmp_path / "mean.onnx"
    export_model(DEFAULT_MODEL, path, ExportOptions(position="mean"))
    assert json.loads(path.with_suffix(".json").read_text())["position"] == "mean"
    of_peak, of_mean = (
        PoseNetwork(file, num_threads=1) for file in (model_path(DEFAULT_MODEL), path)
    )
    assert (of_peak.description.position, of_mean.description.position) == ("peak", "mean")
    shown = crops[:1].repeat(4, axis=1).repeat(4, axis=2)
    (peak,), (mean,) = of_peak(shown)[0], of_mean(shown)[0]
    np.testing.assert_allclose(peak[:, 2], mean[:, 2], atol=1e-3)
    assert np.abs(peak[:, :2] - mean[:, :2]).max() > 0.5
    with pytest.raises(UserError, match="--position middle: choose of mean, peak"):
        export_model(DEFAULT_MODEL, tmp_path / "x.onnx", ExportOptions(position="middle"))


def test_a_failed_check_leaves_nothing(tmp_path, source, crops):
    with pytest.raises(UserError, match=r"my\.net: not written: in float32 its joints are 0\.2"):
        export(source, tmp_path / "my.net", crops, off_by_cells=0.001)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_check_leaves_what_was_there(tmp_path, source, crops):
    export(source, tmp_path / "my.net", crops)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UserError, match="not written"):
        export(source, tmp_path / "my.net", crops, precision="int8", off_by_cells=1.0)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_json_that_belongs_to_something_else_is_kept(tmp_path):
    for text in ('{"measured": {}}', "no JSON", '{"format": "mobilehumanpose-model"}'):
        (tmp_path / "my.json").write_text(text)
        with pytest.raises(UserError, match=r"my\.json: "):
            export_model(DEFAULT_MODEL, tmp_path / "my.onnx", ExportOptions())
    assert [p.name for p in tmp_path.iterdir()] == ["my.json"]


@torch.no_grad()
def test_an_average_is_the_mean_of_what_linear_layers_answer(source, crops):
    other = replace(source, network=copy.deepcopy(source.network))
    final = other.network.final_layer
    final.weight.mul_(3)
    final.bias.add_(1)
    images = source.scaled(crops[:2])
    expected = (source.network(images) + other.network(images)) / 2
    mean = average({"one": source, "other": other})
    assert mean.is_folded
    torch.testing.assert_close(mean.network(images), expected, rtol=1e-4, atol=1e-4)
    assert mean.metadata == source.metadata
    elsewhere = replace(source.metadata, trained_on="other noise")
    mean = average({"one": source, "other": replace(other, metadata=elsewhere)})
    assert mean.metadata.trained_on == "noise; averaged with: other noise"


@pytest.mark.parametrize(
    ("field", "value"),
    [("preset", "lpski-s"), ("licence", "another"), ("std", (1.0, 1.0, 1.0))],
)
def test_networks_that_differ_are_not_averaged(source, field, value):
    other = replace(source, metadata=replace(source.metadata, **{field: value}))
    with pytest.raises(UserError, match=f"b: its {field} is .*, that of a "):
        average({"a": source, "b": other})


def test_a_deeper_network_is_averaged_with_what_it_began_with():
    deep, shallow = load_source("lpski-basic-deep-wild"), load_source("lpski-basic-wild")
    mean = average({"deep": deep, "shallow": shallow})
    assert mean.metadata.preset == "lpski-basic-deep"
    found, mine, its = (s.network.state_dict() for s in (mean, deep, shallow))
    torch.testing.assert_close(
        found["stem.0.weight"], (mine["stem.0.weight"] + its["stem.0.weight"]) / 2
    )
    added = "stages.3.2.second.0.weight"
    assert added not in its
    torch.testing.assert_close(found[added], mine[added] / 2)
    with pytest.raises(UserError, match="deep: its preset is 'lpski-basic-deep'"):
        average({"shallow": shallow, "deep": deep})


def test_averages_that_cannot_be_are_refused(tmp_path):
    options = ExportOptions(others=[DEFAULT_MODEL])
    with pytest.raises(UserError, match="given twice"):
        export_model(DEFAULT_MODEL, tmp_path / "mean.onnx", options)
    with pytest.raises(UserError, match="--average: folds normalisations"):
        export_model("a.onnx", tmp_path / "a.safetensors", replace(options, to="safetensors"))
    assert not list(tmp_path.iterdir())


def test_what_no_export_has_made_is_kept(tmp_path, source, crops, monkeypatch):
    (tmp_path / "my.bin").write_text("mine")
    with pytest.raises(UserError, match=r"my\.bin: would be overwritten"):
        export(source, tmp_path / "my.net", crops)
    assert [p.name for p in tmp_path.iterdir()] == ["my.bin"]
    monkeypatch.setattr(command, "load_source", lambda *_, **__: source)
    folder = tmp_path / "a.net"
    folder.mkdir()
    (folder / "thesis.txt").touch()
    monkeypatch.setattr(command, "find_target", lambda name: pretended(source))
    export_model("a.onnx", folder, ExportOptions())
    assert sorted(p.suffix for p in folder.iterdir()) == [".bin", ".json", ".net", ".txt"]
    packages = replace(pretended(source), is_folder=True)
    monkeypatch.setattr(command, "find_target", lambda name: packages)
    with pytest.raises(UserError, match=r"a\.net: a folder that no export has made"):
        export_model("a.onnx", folder, ExportOptions())
    assert (folder / "thesis.txt").exists()


def test_a_missing_toolchain_is_one_line_with_the_command(monkeypatch):
    found = targets.importlib.util.find_spec
    monkeypatch.setattr(
        targets.importlib.util,
        "find_spec",
        lambda name: None if name in ("openvino", "nncf") else found(name),
    )
    with pytest.raises(UserError) as raised:
        find_target("openvino")
    assert str(raised.value) == (
        "--to openvino needs openvino, nncf: pip install 'mobilehumanpose[export-openvino]'"
    )
    with pytest.raises(UserError, match="choose of onnx, litert"):
        find_target("tensorrt")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"precision": "int8"}, "--calibration"),
        ({"calibration": "photos"}, "nothing is calibrated for onnx in float16"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(tmp_path, options, named):
    with pytest.raises(UserError, match=named):
        export_model(DEFAULT_MODEL, tmp_path / "a.onnx", ExportOptions(**options))


def test_what_a_target_cannot_be_is_refused(source, monkeypatch, tmp_path):
    limited = Target(
        name="limited",
        suffix=".net",
        packages=(),
        extra="none",
        convert=pretended(source).convert,
        load=pretended(source).load,
        precisions=("float32",),
        can_have_head=False,
    )
    monkeypatch.setattr(command, "find_target", lambda name: limited)
    with pytest.raises(UserError, match="take --heatmaps"):
        export_model("a.onnx", tmp_path / "a.net", ExportOptions(with_head=True))
    with pytest.raises(UserError, match="limited is made in float32"):
        export_model("a.onnx", tmp_path / "a.net", ExportOptions(precision="float16"))


def test_without_its_runtime_a_files_weights_are_what_is_compared(tmp_path, source, crops):
    def export_with(weights_times: float) -> str:
        def reread(job):
            network = copy.deepcopy(job.source.network)
            network.final_layer.weight.data *= weights_times
            return replace(job.source, network=network)

        target = replace(pretended(source), load=WeightsOnly(reread=reread, why="no phone here"))
        path = tmp_path / "my.net"
        return export_checked(
            source,
            path,
            target,
            precision="float16",
            with_head=True,
            compared=CropSet(crops[:2], "pictures"),
        )

    assert "no phone here: joints differ from PyTorch's by" in export_with(1.0001)
    parity = json.loads((tmp_path / "my.json").read_text())["parity"]
    assert (parity["crops"], parity["checked"]) == (2, "no phone here")
    (tmp_path / "my.net").unlink()
    with pytest.raises(UserError, match="in float16 its"):
        export_with(3.0)
    assert not (tmp_path / "my.net").exists()


def test_pictures_are_refused_where_nothing_is_calibrated(source, monkeypatch, tmp_path):
    target = replace(pretended(source), is_calibrated=False)
    monkeypatch.setattr(command, "find_target", lambda name: target)
    options = ExportOptions(precision="int8", calibration=tmp_path)
    with pytest.raises(UserError, match="nothing is calibrated for pretended in int8"):
        export_model("a.onnx", tmp_path / "a.net", options)


def test_a_folder_gets_a_name_that_tells_what_it_is(tmp_path, source, crops, monkeypatch):
    target = pretended(source)
    monkeypatch.setattr(command, "find_target", lambda name: target)
    monkeypatch.setattr(command, "load_source", lambda *_, **__: source)
    export_model("runs/my.safetensors", tmp_path / "models", ExportOptions())
    names = sorted(p.name for p in (tmp_path / "models").iterdir())
    assert names == [f"my-pretended-float16.{end}" for end in ("bin", "json", "net")]
    with pytest.raises(UserError, match=r"must end in \.net"):
        export_model("my.safetensors", tmp_path / "a.tflite", ExportOptions())


def test_too_few_pictures_to_calibrate_on_are_refused(tmp_path):
    picture = encode_jpeg(np.zeros((70, 50, 3), np.uint8))
    for number in range(64):
        write_file(tmp_path / f"{number:02}.jpg", picture)
    crops = calibration_crops(tmp_path, 64, "whole")
    assert crops.shape == (64, 64, 64, 3)
    calibrated, kept = keep_back(crops)
    assert (len(calibrated), len(kept)) == (56, 8)
    (tmp_path / "00.jpg").unlink()
    with pytest.raises(UserError, match="63 photographs; int8 is calibrated on 64"):
        calibration_crops(tmp_path, 64, "whole")


def test_drawn_people_stand_in_for_photographs():
    assert check_crops([], 64).crops.shape == (8, 64, 64, 3)
    crops, pictures = check_crops([], 256)
    assert pictures == "drawn people"
    _, scores = PoseNetwork(model_path(DEFAULT_MODEL), num_threads=1)(crops)
    assert scores.mean() > 0.7  # or their parity would say little


def test_joints_count_in_halves_as_pytorch_is_sure_of_them():
    expected = np.zeros((1, 21, 3)), np.full((1, 21), 0.01)
    expected[1][0, :10] = 0.9
    found = expected[0].copy(), expected[1]
    found[0][0, 20] = [1, 0, 0]  # 62.5 mm
    parity = compare(found, expected, grid=(32,) * 3, depth_range_mm=2000, pictures="p")
    assert parity.mean_mm == pytest.approx(62.5 / 21)
    assert parity.weighted_mm == pytest.approx(62.5 * 0.01 / 9.11)
    refuse_difference(parity, "float16", "a.onnx")
    found[0][0, [0, 20]] = found[0][0, [20, 0]]
    parity = compare(found, expected, grid=(32,) * 3, depth_range_mm=2000, pictures="p")
    with pytest.raises(UserError, match=r"in float16 its joints are 6\.17 mm"):
        refuse_difference(parity, "float16", "a.onnx")


def test_differences_are_told_in_cells_and_millimetres():
    expected = np.zeros((2, 21, 3)), np.zeros((2, 21))
    found = expected[0].copy(), expected[1] + 0.5
    found[0][0, 0] = [3, 0, 4]
    parity = compare(found, expected, grid=(32, 32, 16), depth_range_mm=1600, pictures="p")
    assert parity.max_cells == 5
    assert parity.max_mm == pytest.approx(np.hypot(3 * 50, 4 * 100))
    assert parity.mean_cells == pytest.approx(5 / 42)
    assert parity.mean_scores == 0.5
    with pytest.raises(UserError, match="float16 its scores are 0.5"):
        refuse_difference(
            compare(
                (expected[0], found[1]), expected, grid=(32,) * 3, depth_range_mm=1, pictures="p"
            ),
            "float16",
            "a.onnx",
        )


def test_answers_that_are_no_numbers_are_refused():
    expected = np.zeros((1, 21, 3)), np.zeros((1, 21))
    found = expected[0] * np.nan, expected[1]
    parity = compare(found, expected, grid=(32,) * 3, depth_range_mm=2000, pictures="p")
    for precision in ("float32", "float16", "int8"):
        with pytest.raises(UserError, match="not written"):
            refuse_difference(parity, precision, "a.onnx")


@pytest.mark.parametrize(("pck", "depth_mm"), [(47.9, 100), (50, 103.1), (float("nan"), 100)])
def test_a_file_that_loses_accuracy_is_refused(pck, depth_mm):
    before = Accuracy(pck=50, depth_mm=100)
    with pytest.raises(UserError, match="not written: PCK"):
        refuse_loss(before, Accuracy(pck=pck, depth_mm=depth_mm), "a.onnx")
    assert refuse_loss(before, Accuracy(pck=48.1, depth_mm=102.9), "a")["this"]["pck"] == 48.1


def test_an_exported_file_gives_its_network_back(crops):
    source = load_source(DEFAULT_MODEL)
    assert source.is_folded
    assert source.metadata.mean == (127, 127, 127)
    pictures = np.repeat(np.repeat(crops[:2], 4, axis=1), 4, axis=2)
    cells, scores = Reference(source)(pictures)
    expected_cells, expected_scores = PoseNetwork(model_path(DEFAULT_MODEL), num_threads=1)(
        pictures
    )
    np.testing.assert_allclose(cells, expected_cells, atol=1e-3)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-3)
    assert expected_cells.std(axis=1).max() > 0.5  # the comparison says something


def test_a_folded_network_is_no_checkpoint(tmp_path):
    out = tmp_path / "a.safetensors"
    with pytest.raises(UserError, match="folded"):
        export_model(DEFAULT_MODEL, out, ExportOptions(to="safetensors"))
    assert not out.exists()
