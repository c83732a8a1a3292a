"""What ``mhp export`` does: a trained network becomes a file that an app or the runtime loads.

Everything is made and checked in a temporary folder beside the place where it shall lie, and is
moved there when all is well.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..decode import POSITIONS, Position
from ..errors import UserError
from ..evaluate.predict import CropNetwork
from ..media import make_folder
from ..models.checkpoint import save_checkpoint
from .accuracy import load_benchmark, measure, refuse_loss
from .crops import CalibrationBoxes, CropSet, calibration_crops, check_crops, keep_back
from .exported import ExportedNetwork
from .parity import compare, refuse_difference
from .sidecar import (
    Interface,
    refuse_foreign_parts,
    refuse_foreign_sidecar,
    sidecar,
    sidecar_path,
)
from .source import Reference, Source, average, load_source
from .targets import Job, Precision, Target, WeightsOnly, find_target


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How to export.

    Attributes:
        to: name of a target, or ``"safetensors"``.
        precision: the target's first when None.
        with_head: joints come out rather than heat-maps; when None, where the target can.
        photos: to compare with PyTorch on, each as a square around its middle.
        calibration: folder of pictures that int8 takes its ranges from.
        calibration_boxes: whether a person is looked for in these.
        benchmark: folder with ``lspet-train.*``, on whose held-out tenth int8 shows what it loses.
        preset: the network of an original snapshot, which does not say so itself.
        joint_set: its joint set.
        position: how joints are read off the heat-maps, see ``models.head``; as the model says
            when None.
        others: further runs of the same network, whose weights are averaged with it.
    """

    to: str = "onnx"
    precision: Precision | None = None
    with_head: bool | None = None
    photos: Sequence[Path] = ()
    calibration: Path | None = None
    calibration_boxes: CalibrationBoxes = "found"
    benchmark: Path | None = None
    preset: str | None = None
    joint_set: str | None = None
    position: Position | None = None
    others: Sequence[str] = ()


def export_model(model: str, out: Path, options: ExportOptions) -> str:
    """Write a network as another kind of file, once it has shown that it answers as PyTorch does.

    Args:
        model: see :func:`~mobilehumanpose.export.source.load_source`.
        out: the file to write, whose stem names the model, or a folder for it.
        options: how.

    Returns:
        What was written, and how it differs from PyTorch.

    Raises:
        UserError: a file cannot be read or written, a toolchain is absent, what is asked for
            cannot be had, or a check fails; then no file is written.
    """
    if options.to == "safetensors":
        return _export_safetensors(model, out, options)
    target = find_target(options.to)
    precision = options.precision or target.precisions[0]
    with_head = target.can_have_head if options.with_head is None else options.with_head
    _refuse_impossible(target, precision, with_head, options)
    path = _output_path(out, model, target, precision)
    refuse_foreign_sidecar(path)
    source = _load(model, options)
    calibration = None
    compared = check_crops(options.photos, source.input_px)
    if options.calibration is not None:
        crops = calibration_crops(options.calibration, source.input_px, options.calibration_boxes)
        calibration, kept = keep_back(crops)
        if not options.photos:
            compared = CropSet(kept, "crops kept back from calibration")
    return export_checked(
        source,
        path,
        target,
        precision=precision,
        with_head=with_head,
        compared=compared,
        calibration=calibration,
        benchmark=options.benchmark,
    )


def _load(model: str, options: ExportOptions) -> Source:
    """The network to export, averaged with others where there are some."""
    if options.position not in (None, *POSITIONS):
        raise UserError(f"--position {options.position}: choose of {', '.join(POSITIONS)}")
    models = (model, *options.others)
    if len(set(models)) < len(models):
        raise UserError(f"{', '.join(models)}: one of them is given twice")
    sources = {
        name: load_source(name, preset=options.preset, joint_set=options.joint_set)
        for name in models
    }
    source = average(sources) if options.others else sources[model]
    if options.position is None:
        return source
    return replace(source, metadata=replace(source.metadata, position=options.position))


def export_checked(
    source: Source,
    path: Path,
    target: Target,
    *,
    precision: Precision,
    with_head: bool,
    compared: CropSet,
    calibration: NDArray[np.uint8] | None = None,
    benchmark: Path | None = None,
) -> str:
    """Convert, check and only then put in place: the file, any that belong to it, and its JSON.

    Raises:
        UserError: a check fails; then no file is written.
    """
    make_folder(path.parent)
    try:
        folder = tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        made = Path(folder) / path.name
        job = Job(
            source=source,
            name=path.stem,
            path=made,
            precision=precision,
            with_head=with_head,
            calibration=calibration,
        )
        interface = target.convert(job)
        parity, told = _check(job, interface, target, compared, benchmark, path)
        others = sorted(p for p in made.parent.iterdir() if p != made)
        content = sidecar(
            source.describe(path.stem),
            interface,
            files=[made, *others],
            target=target.name,
            precision=precision,
            parity=parity,
        )
        sidecar_path(made).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        refuse_foreign_parts(path, [part.name for part in others])
        for part in (*others, made, sidecar_path(made)):
            _move(part, path.parent / part.name)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error}") from None
    finally:
        shutil.rmtree(folder)
    return f"{path}: written in {precision}; {told}"


def _check(
    job: Job,
    interface: Interface,
    target: Target,
    compared: CropSet,
    benchmark: Path | None,
    path: Path,
) -> tuple[dict[str, Any], str]:
    """The figures for the JSON, and the same in words."""
    source = job.source
    network = answering(target, job, interface)
    parity = compare(
        network(compared.crops),
        Reference(source)(compared.crops),
        grid=source.grid,
        depth_range_mm=source.metadata.depth_range_mm,
        pictures=compared.pictures,
    )
    refuse_difference(parity, job.precision, str(path))
    figures, told = parity.to_json(), str(parity)
    if isinstance(target.load, WeightsOnly):
        figures["checked"] = target.load.why
        told = f"{target.load.why}: {told}"
    if benchmark is not None:
        dataset = load_benchmark(benchmark)
        before, after = measure(Reference(source), dataset), measure(network, dataset)
        figures["accuracy"] = refuse_loss(before, after, str(path))
        told += (
            f"; PCK@0.2 {before.pck:.1f} → {after.pck:.1f} %, "
            f"depth error {before.depth_mm:.1f} → {after.depth_mm:.1f} mm"
        )
    elif job.precision == "int8":
        told += "; what that costs in accuracy, --benchmark tells"
    return figures, told


def answering(target: Target, job: Job, interface: Interface) -> CropNetwork:
    """What a file that was made answers: in its own runtime, or in PyTorch with its weights."""
    if isinstance(target.load, WeightsOnly):
        return Reference(target.load.reread(job))
    runner = target.load(job.path, interface)
    return ExportedNetwork(runner, interface, job.source.describe(job.name))


def _refuse_impossible(
    target: Target, precision: Precision, with_head: bool, options: ExportOptions
) -> None:
    if precision not in target.precisions:
        raise UserError(
            f"--precision {precision}: {target.name} is made in {', '.join(target.precisions)}"
        )
    if with_head and not target.can_have_head:
        raise UserError(
            f"--with-head: the runtime of {target.name} cannot do the head; take --heatmaps"
        )
    is_calibrated = precision == "int8" and target.is_calibrated
    if is_calibrated and options.calibration is None:
        raise UserError("--precision int8 needs --calibration, a folder of pictures like yours")
    if not is_calibrated and options.calibration is not None:
        raise UserError(f"--calibration: nothing is calibrated for {target.name} in {precision}")


def _output_path(out: Path, model: str, target: Target, precision: Precision) -> Path:
    if out.suffix == target.suffix and (target.is_folder or not out.is_dir()):
        if out.is_dir() and not sidecar_path(out).is_file():
            raise UserError(f"{out}: a folder that no export has made; choose another --out")
        return out
    if out.suffix and not out.is_dir():
        raise UserError(
            f"{out}: the name of a file for --to {target.name} must end in {target.suffix}"
        )
    return out / f"{Path(model).name.split('.')[0]}-{target.name}-{precision}{target.suffix}"


def _move(part: Path, to: Path) -> None:
    """Rename; an earlier export that is a folder, which cannot be renamed over, goes first."""
    if part.is_dir() and to.is_dir():
        shutil.rmtree(to)
    part.replace(to)


def _export_safetensors(model: str, out: Path, options: ExportOptions) -> str:
    """A snapshot of the original as the file that everything here reads."""
    if out.suffix != ".safetensors":
        raise UserError(f"{out}: the name of a file for --to safetensors must end in .safetensors")
    if options.others:
        raise UserError("--average: folds normalisations, which a .safetensors has; write an .onnx")
    source = _load(model, options)
    if source.is_folded:
        raise UserError(f"{model}: its normalisations are folded, and do not fit a .safetensors")
    save_checkpoint(out, source.network, source.metadata)
    return f"{out}: written"
