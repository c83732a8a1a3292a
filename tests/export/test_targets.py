"""Each target in its own runtime against PyTorch, and its head in float."""

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.export import targets
from mobilehumanpose.export.command import export_checked
from mobilehumanpose.export.crops import CropSet
from mobilehumanpose.export.targets import find_target

#: What takes half a minute or more is tried where its toolchain is installed, which is not in dev.
CASES = [
    ("onnx", "float32", True),
    ("onnx", "float16", False),
    ("openvino", "float32", True),
    ("openvino", "float16", False),
    ("ncnn", "float32", False),
    ("ncnn", "float16", False),
    ("executorch", "float32", True),
    ("litert", "float32", True),
    ("litert", "float16", False),
]


def need(name: str) -> None:
    target = targets.importlib.import_module(
        f"mobilehumanpose.export.{targets.TARGET_MODULES[name]}"
    ).TARGET
    for package in target.packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install '.[{target.extra}]'")


def export(source, folder, name, precision, crops, *, with_head=True):
    """The file, which has passed its check, and what its JSON says."""
    need(name)
    target = find_target(name)
    path = folder / f"net{target.suffix}"
    export_checked(
        source,
        path,
        target,
        precision=precision,
        with_head=with_head,
        compared=CropSet(crops[:4], "pictures"),
        calibration=crops if precision == "int8" else None,
    )
    return path, json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize(("name", "precision", "with_head"), CASES)
def test_it_answers_as_pytorch_does(tmp_path, source, crops, name, precision, with_head):
    path, content = export(source, tmp_path, name, precision, crops, with_head=with_head)
    assert content["target"] == name
    assert content["output"] == ("joints" if with_head else "heatmaps")
    # The check that it passed, once more: by the file's own figures.
    limit, figure = {"float32": (0.05, "max_mm"), "float16": (0.5, "mean_mm")}[precision]
    assert content["parity"][figure] <= limit
    assert content["parity"]["crops"] == 4
    assert content["bytes"] == path.stat().st_size
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_onnx_in_int8_leaves_the_head_in_float(tmp_path, source, crops):
    import onnx

    path, content = export(source, tmp_path, "onnx", "int8", crops)
    assert content["parity"]["mean_mm"] <= 8
    graph = onnx.load(path).graph
    dequantised = {n.output[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    # Heat-maps come out of the last quantised layer, and are floats from there on.
    (shaping,) = [n for n in graph.node if n.op_type == "Reshape" and n.input[0] in dequantised]
    position = list(graph.node).index(shaping)
    head = list(graph.node)[position:]
    assert not {"QuantizeLinear", "DequantizeLinear"} & {n.op_type for n in head[1:]}
    assert {"Softmax", "MatMul"} <= {n.op_type for n in head}
    quantised = [n for n in graph.node if n.op_type == "Conv" and n.input[0] in dequantised]
    assert len(quantised) == sum(n.op_type == "Conv" for n in graph.node)
    scales = {n.output[0]: n.input[1] for n in graph.node if n.op_type == "DequantizeLinear"}
    values = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    for convolution in quantised:
        scale = values[scales[convolution.input[1]]]
        assert scale.shape == values_shape(graph, convolution)[:1]  # one for each channel


@pytest.mark.parametrize(
    ("mean", "std", "level", "spread"),
    [
        ((127.0, 127.0, 127.0), (128.0, 128.0, 128.0), 127, 128),
        ((120.0, 125.0, 130.0), (128.0, 127.0, 126.0), 125, 127),
    ],
)
def test_int8_takes_pixels_as_they_are(tmp_path, source, crops, mean, std, level, spread):
    import onnx

    metadata = replace(source.metadata, mean=mean, std=std)
    path, content = export(replace(source, metadata=metadata), tmp_path, "onnx", "int8", crops)
    assert content["parity"]["mean_mm"] <= 8
    graph = onnx.load(path).graph
    values = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    makers = {name: n for n in graph.node for name in n.output}
    convolution = next(n for n in graph.node if n.op_type == "Conv")
    first = makers[convolution.input[0]]
    assert first.op_type == "DequantizeLinear"
    assert values[first.input[1]] == np.float32(1 / spread)
    assert values[first.input[2]] == level
    assert makers[first.input[0]].input[0] == "image"
    assert set(values) <= {name for n in graph.node for name in n.input}


def test_sums_of_int8_products_fit_in_16_bits(tmp_path, source, crops):
    """Where the processor adds two products of an activation and a weight at a time, it clips."""
    import onnx

    path, _ = export(source, tmp_path, "onnx", "int8", crops)
    tensors = [onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer]
    weights = [t for t in tensors if t.dtype == np.int8 and t.ndim == 4]
    assert len(weights) > 10
    for values in weights:
        largest = np.abs(values.astype(int)).max()
        assert 2 * 255 * largest < 2**15
        assert largest > 60  # of what fits, it is used


def values_shape(graph, convolution):
    from onnx import numpy_helper

    inputs = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    tensors = {t.name: t for t in graph.initializer}
    return numpy_helper.to_array(tensors[inputs[convolution.input[1]]]).shape


def test_openvino_in_int8_leaves_the_head_in_float(tmp_path, source, crops):
    need("openvino")
    import openvino

    path, _ = export(source, tmp_path, "openvino", "int8", crops)
    operations = openvino.Core().read_model(path).get_ordered_ops()
    kinds = [operation.get_type_name() for operation in operations]
    assert kinds.count("FakeQuantize") > 10
    behind = []
    reached = [operations[max(i for i, kind in enumerate(kinds) if "Convolution" in kind)]]
    while reached:
        for output in reached.pop().outputs():
            reached += [following.get_node() for following in output.get_target_inputs()]
        behind += [operation.get_type_name() for operation in reached]
    assert "Softmax" in behind
    assert "FakeQuantize" not in behind


def test_litert_in_int8_leaves_the_head_in_float(tmp_path, source, crops):
    need("litert")
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    path, _ = export(source, tmp_path, "litert", "int8", crops)
    interpreter = Interpreter(
        str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter.allocate_tensors()
    types = {t["index"]: np.dtype(t["dtype"]) for t in interpreter.get_tensor_details()}
    operations = interpreter._get_ops_details()
    kinds = [operation["op_name"] for operation in operations]
    last = max(i for i, kind in enumerate(kinds) if kind == "CONV_2D")
    for kind, operation in zip(kinds, operations, strict=True):
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            assert types[operation["outputs"][0]] == np.int8
    assert kinds[last + 1] == "DEQUANTIZE"
    for operation in operations[last + 1 :]:
        assert types[operation["outputs"][0]] != np.int8
    assert "SOFTMAX" in kinds[last:]


@pytest.mark.parametrize("fixture", ["source", "prelu_source"])
def test_ncnn_in_int8_has_a_scale_for_each_channel(tmp_path, crops, fixture, request):
    need("ncnn")
    from mobilehumanpose.export.ncnn_int8 import CONVOLUTIONS, INT8_TAG

    source = request.getfixturevalue(fixture)
    # Peaks jump where a heat-map has two of a height, as those of noise have.
    source = replace(source, metadata=replace(source.metadata, position="mean"))
    path, content = export(source, tmp_path, "ncnn", "int8", crops, with_head=False)
    assert content["parity"]["mean_mm"] <= 8
    layers = [line.split() for line in path.read_text().splitlines()[2:]]
    convolutions = [layer for layer in layers if layer[0] in CONVOLUTIONS]
    assert len(convolutions) == len(
        [m for m in source.network.modules() if type(m).__name__ == "Conv2d"]
    )
    assert all({"8=1", "31=64"} <= set(layer) for layer in convolutions)
    # Of the first layer: its tag, a byte for each weight, biases, scales, that of the picture.
    binary = path.with_suffix(".bin").read_bytes()
    weights, end = source.folded().first_conv[0].weight.detach().numpy().reshape(16, -1), 4 + 432
    assert int.from_bytes(binary[:4], "little") == INT8_TAG
    stored = np.frombuffer(binary[4:end], np.int8).reshape(weights.shape)
    _, scales, pixels = np.split(np.frombuffer(binary, "<f4", 33, end), [16, 32])
    assert (np.abs(stored).max(axis=1) == 127).all()
    np.testing.assert_allclose(stored / scales[:, None], weights, atol=0.51 / scales.min())
    np.testing.assert_allclose(pixels, 127 / source.scaled(crops).abs().max(), rtol=1e-5)


def test_ncnn_in_int8_knows_all_that_it_reads(tmp_path):
    from mobilehumanpose.export.ncnn_int8 import read_layers

    path = tmp_path / "net.param"
    path.write_text("7767517\n2 2\nInput in0 0 1 in0\nPReLU p 1 1 in0 out0 0=2\n")
    binary = path.with_suffix(".bin")
    binary.write_bytes(np.array([0.5, 0.25], "<f4").tobytes())
    _, layer = read_layers(path)
    assert (layer.inputs, layer.outputs, layer.parameters) == (("in0",), ("out0",), {"0": "2"})
    assert layer.floats[0].tolist() == [0.5, 0.25]
    for count, message in ((1, "ends before its layers do"), (3, "Input, PReLU")):
        binary.write_bytes(bytes(4 * count))
        with pytest.raises(UserError, match=message):
            read_layers(path)
    path.write_text(path.read_text().replace("PReLU p 1 1 in0 out0 0=2", "Scale s 1 1 in0 out0"))
    with pytest.raises(UserError, match="unknown weights: Input, Scale"):
        read_layers(path)
    path.write_text("7767517\n1 2\nConvolution c 1 1 in0 out0 0=1 6=1\n")
    binary.write_bytes(np.array([0x01306B47, 0], "<u4").tobytes())
    with pytest.raises(UserError, match="weights of c are not in float32: 0x1306b47"):
        read_layers(path)


def test_executorch_in_int8_leaves_the_head_in_float(tmp_path, source, crops):
    need("executorch")
    import torch

    from mobilehumanpose.export.executorch import quantise

    # The quantiser never sees the head.
    network = quantise(source.folded(), source.scaled(crops))
    kinds = [str(node.target) for node in network.graph.nodes]
    convolutions = sum(isinstance(m, torch.nn.Conv2d) for m in source.network.modules())
    assert sum("quantize_per_channel" in kind for kind in kinds) >= convolutions
    # ReLU6 is rounded behind, where 256 steps are of 6, and not before.
    rectifiers = [n for n in network.graph.nodes if n.target is torch.ops.aten.hardtanh.default]
    assert len(rectifiers) > 5
    for rectifier in rectifiers:
        assert rectifier.args[0].target in (
            torch.ops.aten.conv2d.default,
            torch.ops.aten.add.Tensor,
        )
        (rounding,) = rectifier.users
        assert rounding.args[1] <= 6 / 255 * 1.01
    _, content = export(source, tmp_path, "executorch", "int8", crops)
    assert content["parity"]["mean_mm"] <= 30


@pytest.mark.parametrize(("precision", "limit_mm"), [("float16", 0.5), ("int8", 8)])
def test_core_ml_has_the_structure_and_the_weights(tmp_path, source, crops, precision, limit_mm):
    source = replace(source, metadata=replace(source.metadata, position="mean"))
    path, content = export(source, tmp_path, "coreml", precision, crops)
    assert path.is_dir()
    assert "structure was checked" in content["parity"]["checked"]
    assert 0 < content["parity"]["mean_mm"] <= limit_mm
    assert content["input"] == {
        "name": "image",
        "shape": [1, 64, 64, 3],
        "layout": "NHWC",
        "dtype": "uint8",
        "color": "RGB",
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
    }


def test_core_ml_in_int8_has_a_scale_for_each_channel(tmp_path, source, crops):
    path, _ = export(source, tmp_path, "coreml", "int8", crops)
    from mobilehumanpose.export.coreml import reread

    job = targets.Job(
        source=source, name="net", path=path, precision="int8", with_head=True, calibration=None
    )
    network, found = source.folded(), reread(job).network
    for (name, weights), kept in zip(network.named_parameters(), found.parameters(), strict=True):
        if weights.ndim == 4:
            # Half a step, and what halves round the scale and the product by.
            spans = weights.abs().amax(dim=(1, 2, 3), keepdim=True)
            steps = (kept / spans * 127).round().abs()
            assert ((kept - weights).abs() <= 0.63 * spans / 127).all(), name
            assert (steps.amax(dim=(1, 2, 3)) == 127).all(), name
            assert not (kept == weights).all(), name
