"""Model files: what fits is loaded, what does not is refused with a reason."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.runtime import METADATA_KEY, ModelDescription, PoseNetwork
from mobilehumanpose.weights import DEFAULT_MODEL, bundled_models, model_path


@pytest.fixture(scope="module")
def bundled() -> Path:
    return model_path(DEFAULT_MODEL)


def crops(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 256, 256, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", bundled_models())
def test_bundled_models_answer_in_their_grid(name):
    network = PoseNetwork(model_path(name), num_threads=1)
    cells, scores = network(crops(2))
    grid = network.description.grid
    assert cells.shape == (2, network.skeleton.num_joints, 3)
    assert scores.shape == cells.shape[:2]
    assert ((cells >= 0) & (cells <= np.array(grid) - 1)).all()
    assert ((scores >= 0) & (scores <= 1.0001)).all()
    assert network.description.name == name


def test_batches_answer_as_single_crops_do(bundled):
    network = PoseNetwork(bundled, num_threads=1)
    pictures = crops(11)  # more than go through at once
    cells, scores = network(pictures)
    for i in (0, 7, 8, 10):
        one_cells, one_scores = network(pictures[i : i + 1])
        np.testing.assert_allclose(cells[i], one_cells[0], atol=2e-3)
        np.testing.assert_allclose(scores[i], one_scores[0], atol=2e-2)


def test_damaged_and_absent_files_are_refused(bundled, tmp_path):
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(bundled.read_bytes()[:100_000])
    text = tmp_path / "text.onnx"
    text.write_text("not a model")
    empty = tmp_path / "empty.onnx"
    empty.touch()
    for path in (cut, text, empty, tmp_path / "absent.onnx", tmp_path):
        with pytest.raises(UserError, match=path.name):
            PoseNetwork(path)


def with_description(bundled: Path, path: Path, **changed) -> Path:
    proto = onnx.load(bundled)
    (entry,) = [p for p in proto.metadata_props if p.key == METADATA_KEY]
    entry.value = json.dumps({**json.loads(entry.value), **changed})
    onnx.save(proto, path)
    return path


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"joint_set": "wings-2"}, r"changed\.onnx: .*wings-2"),
        ({"joint_set": "human36m-18"}, "outputs are"),
        ({"input_px": "big"}, "input_px"),
        ({"input_px": 192}, "input is"),
        ({"grid": [32, 32]}, "grid"),
        ({"grid": [True, True, True]}, "grid"),
        ({"input_px": True}, "input_px"),
        ({"depth_range_mm": -1}, "depth_range_mm"),
        ({"position": "middle"}, "position is 'middle'"),
        ({"licence": None}, "licence"),
        ({"format_version": 99}, "format 1"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(bundled, tmp_path, changed, named):
    path = with_description(bundled, tmp_path / "changed.onnx", **changed)
    with pytest.raises(UserError, match=named):
        PoseNetwork(path)


def test_a_fixed_number_of_crops_is_refused(bundled, tmp_path):
    proto = onnx.load(bundled)
    for end in (*proto.graph.input, *proto.graph.output):
        end.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(proto, tmp_path / "one.onnx")
    with pytest.raises(UserError, match=r"one\.onnx: takes a fixed number of crops"):
        PoseNetwork(tmp_path / "one.onnx")


@pytest.mark.parametrize("num_threads", [0, 1.5, 100_000, 10**10])
def test_threads_that_cannot_be(bundled, num_threads):
    with pytest.raises(UserError, match="num_threads is .*; 1 to 256 are possible"):
        PoseNetwork(bundled, num_threads=num_threads)


def test_other_onnx_models_are_refused(bundled, tmp_path):
    proto = onnx.load(bundled)
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / "plain.onnx")
    with pytest.raises(UserError, match="not one exported by this project"):
        PoseNetwork(tmp_path / "plain.onnx")


def test_description_there_and_back(bundled):
    description = PoseNetwork(bundled).description
    assert ModelDescription.from_json(description.to_json(), bundled) == description


def test_names_and_paths_of_models(tmp_path):
    assert DEFAULT_MODEL in bundled_models()
    assert model_path(str(tmp_path / "own.onnx")) == tmp_path / "own.onnx"
    with pytest.raises(UserError, match=DEFAULT_MODEL):
        model_path("lpski-huge")
    with pytest.raises(UserError, match="num_threads"):
        PoseNetwork(model_path(DEFAULT_MODEL), num_threads=0)
