"""What can be exported to: one module for each target, and what they all have in common."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .sidecar import Interface
from .source import Source

Precision = Literal["float32", "float16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("float16", "float32", "int8")

#: (1, …) input as the interface says → its outputs, in order.
Runner = Callable[[NDArray], list[NDArray[np.floating]]]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One file to make.

    Attributes:
        source: the network.
        name: of the model.
        path: of the file, in an empty folder that is moved into place when all is well.
        precision: of its weights and, for int8, of the arithmetic up to the head.
        with_head: whether joints come out, rather than heat-maps.
        calibration: (N, P, P, 3) uint8 crops that ranges are measured on; None but for int8 where
            the target is calibrated.
    """

    source: Source
    name: str
    path: Path
    precision: Precision
    with_head: bool
    calibration: NDArray[np.uint8] | None = None


@dataclass(frozen=True, kw_only=True)
class WeightsOnly:
    """A file that cannot be run here, but whose weights PyTorch can run.

    Attributes:
        reread: the network with the weights that are in the file.
        why: said of it.
    """

    reread: Callable[[Job], Source]
    why: str


@dataclass(frozen=True, kw_only=True)
class Target:
    """A kind of file.

    Attributes:
        name: what ``--to`` calls it.
        suffix: of the file that a runtime is given.
        packages: modules that must be importable.
        extra: which of ours installs them.
        precisions: that it can be made in; the first is made where none is asked for.
        can_have_head: whether its runtime has the operators of the head.
        convert: writes the file, and any that belong to it beside it.
        load: the file in its own runtime, or what is done where that cannot be had here; then
            ``convert`` looks at the file's structure.
        is_calibrated: whether int8 needs pictures to measure activations on.
        is_folder: whether the file is a folder to the file system.
    """

    name: str
    suffix: str
    packages: tuple[str, ...]
    extra: str
    convert: Callable[[Job], Interface]
    load: Callable[[Path, Interface], Runner] | WeightsOnly
    precisions: tuple[Precision, ...] = PRECISIONS
    can_have_head: bool = True
    is_calibrated: bool = True
    is_folder: bool = False


#: Name of each target → its module beside this one, which is imported when it is asked for.
TARGET_MODULES = {
    "onnx": "onnx_target",
    "litert": "litert",
    "openvino": "openvino",
    "ncnn": "ncnn",
    "executorch": "executorch",
    "coreml": "coreml",
}


def find_target(name: str) -> Target:
    """A target by its name.

    Raises:
        UserError: there is none of that name, or its toolchain is not installed.
    """
    if name not in TARGET_MODULES:
        raise UserError(f"--to {name!r}: choose of {', '.join(TARGET_MODULES)}, safetensors")
    target: Target = importlib.import_module(f"{__package__}.{TARGET_MODULES[name]}").TARGET
    absent = [package for package in target.packages if importlib.util.find_spec(package) is None]
    if absent:
        raise UserError(
            f"--to {name} needs {', '.join(absent)}: pip install 'mobilehumanpose[{target.extra}]'"
        )
    return target
