"""Model files in the runtimes that read them: one call with arrays in and out.

A runtime is imported when it is first asked for; none of them but ONNX Runtime is needed by the
package itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..files import check_file

#: An array of the input's own shape and kind → outputs by name.
Run = Callable[[NDArray[Any]], dict[str, NDArray[Any]]]

#: Runtime → (suffixes of the files that it reads, what to install for it).
RUNTIMES: dict[str, tuple[tuple[str, ...], str]] = {
    "onnxruntime": ((".onnx",), "onnxruntime"),
    "litert": ((".tflite",), "ai-edge-litert"),
    "openvino": ((".xml", ".onnx"), "openvino"),
    "ncnn": ((".param",), "ncnn"),
}


def runtimes_for(path: Path, wanted: list[str]) -> list[str]:
    """Those of the wanted runtimes that read a file; its own, if none are wanted.

    Raises:
        UserError: there is no such runtime, or none for this file.
    """
    for name in wanted:
        if name not in RUNTIMES:
            raise UserError(f"--runtime {name!r}: choose of {', '.join(RUNTIMES)}")
    fitting = [name for name, (suffixes, _) in RUNTIMES.items() if path.suffix in suffixes]
    if not fitting:
        suffixes = sorted({suffix for known, _ in RUNTIMES.values() for suffix in known})
        raise UserError(f"{path}: files that end in {', '.join(suffixes)} can be timed")
    if not wanted:
        return fitting[:1]
    chosen = [name for name in wanted if name in fitting]
    if not chosen:
        raise UserError(f"{path}: is read by {', '.join(fitting)}, not by {', '.join(wanted)}")
    return chosen


def load(path: Path, runtime: str, num_threads: int) -> Run:
    """A model file, ready to run.

    Raises:
        UserError: the runtime is not installed, or cannot read the file.
    """
    loaders = {
        "onnxruntime": _onnxruntime,
        "litert": _litert,
        "openvino": _openvino,
        "ncnn": _ncnn,
    }
    check_file(path, "model file")
    try:
        return loaders[runtime](path, num_threads)
    except ModuleNotFoundError:
        package = RUNTIMES[runtime][1]
        raise UserError(f"{path}: --runtime {runtime} needs it: pip install {package}") from None
    # The runtimes' exceptions share no base class.
    except Exception as error:  # noqa: BLE001
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise UserError(f"{path}: {runtime} cannot read it: {reason}") from None


def _onnxruntime(path: Path, num_threads: int) -> Run:
    ort = importlib.import_module("onnxruntime")
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = num_threads
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    return lambda array: dict(zip(names, session.run(names, {image.name: array}), strict=True))


def _litert(path: Path, num_threads: int) -> Run:
    interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter(
        model_path=str(path), num_threads=num_threads
    )
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    outputs = interpreter.get_output_details()

    def run(array: NDArray[Any]) -> dict[str, NDArray[Any]]:
        interpreter.set_tensor(image["index"], array)
        interpreter.invoke()
        return {output["name"]: interpreter.get_tensor(output["index"]) for output in outputs}

    return run


def _openvino(path: Path, num_threads: int) -> Run:
    openvino = importlib.import_module("openvino")
    core = openvino.Core()
    model = core.read_model(path)
    (image,) = model.inputs
    model.reshape({image: [1, *(dim.get_length() for dim in list(image.partial_shape)[1:])]})
    settings = {"INFERENCE_NUM_THREADS": num_threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    names = [output.any_name for output in compiled.outputs]

    def run(array: NDArray[Any]) -> dict[str, NDArray[Any]]:
        results = request.infer({0: array})
        return {name: np.asarray(results[at]) for at, name in enumerate(names)}

    return run


def _ncnn(path: Path, num_threads: int) -> Run:
    ncnn = importlib.import_module("ncnn")
    network = ncnn.Net()
    network.opt.num_threads = num_threads
    if network.load_param(str(path)) or network.load_model(str(path.with_suffix(".bin"))):
        raise ValueError("it or its .bin file is damaged")
    (input_name,) = network.input_names()
    output_names = network.output_names()

    def run(array: NDArray[Any]) -> dict[str, NDArray[Any]]:
        extractor = network.create_extractor()
        # It keeps to the array's memory, which lives as long as this call.
        extractor.input(input_name, ncnn.Mat(array[0]))
        results = {}
        for name in output_names:
            status, found = extractor.extract(name)
            if status:
                raise ValueError(f"no output {name!r}")
            results[name] = np.array(found)[None]
        return results

    return run
