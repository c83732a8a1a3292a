"""What ``mhp test`` does: models or a file of predictions, a protocol, and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.progress import Progress

from ..data.catalogue import find_dataset
from ..data.samples import PoseDataset
from ..errors import UserError
from ..media import make_folder, write_file
from ..runtime import PoseNetwork
from ..weights import model_path
from .compare import compare
from .flip import Unflip
from .predict import CropNetwork, predict_dataset
from .prediction_files import read_json, write_json
from .predictions import Predictions
from .protocols import TestProtocol, find_protocol
from .report import (
    format_meaning,
    format_result_table,
    format_tables,
    plain_text,
    table_csv,
    write_report,
)
from .results import EvaluationResult


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """What all ways to test share.

    Attributes:
        data: the folder that holds ``Human36M``, ``MuPoTS`` … in the original's layout.
        out: gets ``result/<protocol>``, or ``result/<run>/<protocol>``.
        detected: boxes and roots from ``bbox_root_*.json`` rather than from the truth.
        flip: see :func:`~mobilehumanpose.evaluate.predict.predict_dataset`.
        device: that networks of PyTorch compute on; a GPU where there is one when None.
    """

    data: Path
    out: Path
    detected: bool
    flip: Unflip | None
    device: str | None = None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A network in a file.

    Attributes:
        path: an ``.onnx`` or ``.safetensors`` file.
        input_px: side of the crops, for ``.safetensors``; the usual one when None.
    """

    path: Path
    input_px: int | None = None


def measure_model(name: str, model: str, options: MeasureOptions, console: Console) -> None:
    """Evaluate a model, print the figures, and write predictions, tables and report.

    Args:
        name: a key of ``protocols.TEST_PROTOCOLS``.
        model: a bundled model, or the path of an ``.onnx`` or ``.safetensors`` file.
        options: of the test.
        console: where figures and progress are told.

    Raises:
        UserError: there is no such protocol, or a file is absent or wrong.
    """
    is_torch = Path(model).suffix == ".safetensors"
    candidate = Candidate(path=Path(model) if is_torch else model_path(model))
    test = _Test(name, options, console)
    folder = options.out / "result" / test.name
    result = test.run(candidate, folder, source=model)
    console.print(format_tables(result))
    _print_reports([folder], console)


def measure_epochs(
    name: str,
    run: str,
    epochs: Mapping[str, Candidate],
    options: MeasureOptions,
    console: Console,
) -> None:
    """Evaluate several networks of one run, and set their figures beside each other.

    Args:
        name: a key of ``protocols.TEST_PROTOCOLS``.
        run: name of the training run; results go to ``result/<run>/<protocol>``.
        epochs: what is tested, by the folder that it gets there, e.g. ``"snapshot_20"``.
        options: of the test.
        console: where figures and progress are told.

    Raises:
        UserError: there is no such protocol, or a file is absent or wrong.
    """
    test = _Test(name, options, console)
    folder = options.out / "result" / run / test.name
    results = {
        epoch: test.run(candidate, folder / epoch, source=f"{run} {epoch}")
        for epoch, candidate in epochs.items()
    }
    first = next(iter(results.values()))
    if len(results) == 1:
        console.print(format_tables(first))
        _print_reports([folder / epoch for epoch in results], console)
        return
    tables = compare(f"{run} on {test.name}", results)
    text = Group(*format_meaning(first), *map(format_result_table, tables))
    write_file(folder / "epochs.txt", plain_text(text).encode())
    for table in tables:
        unit = "percent" if table.unit == "%" else table.unit
        write_file(folder / f"epochs-{unit}.csv", table_csv(table).encode())
    console.print(text)
    _print_reports([folder / epoch for epoch in results], console)


def measure_predictions(name: str, path: Path, options: MeasureOptions, console: Console) -> None:
    """Evaluate a file of predictions of any tool, print the figures, and write the report.

    Args:
        name: a key of ``protocols.TEST_PROTOCOLS``.
        path: this project's JSON or, where the protocol has one, another format.
        options: of the test; how a model would be run does not matter.
        console: where figures are told.

    Raises:
        UserError: there is no such protocol, or a file is absent or wrong.
    """
    protocol = find_protocol(name)
    truth = find_dataset(protocol.dataset).load(protocol.part, options.data)
    predictions = _read(path, truth, protocol, name)
    folder = options.out / "result" / name
    result = _report(protocol, truth, predictions, options.data, folder, f"{name}: {path.name}")
    console.print(format_tables(result))
    _print_reports([folder], console)


def _print_reports(folders: list[Path], console: Console) -> None:
    for folder in folders:
        console.print(f"report: {folder / 'report.html'}", soft_wrap=True, highlight=False)


class _Test:
    """A protocol and its data, for one network after the other."""

    def __init__(self, name: str, options: MeasureOptions, console: Console) -> None:
        self.protocol = find_protocol(name)
        self.name = f"{name}-detected" if options.detected else name
        self.options = options
        self.console = console
        self._data: tuple[PoseDataset, PoseDataset] | None = None

    def _load(self) -> tuple[PoseDataset, PoseDataset]:
        """The truth, and the people whose boxes are cropped."""
        if self._data is None:
            entry, part = find_dataset(self.protocol.dataset), self.protocol.part
            truth = entry.load(part, self.options.data)
            detected = self.options.detected
            people = entry.load(f"{part}-detected", self.options.data) if detected else truth
            self._data = truth, people
        return self._data

    def run(self, candidate: Candidate, folder: Path, source: str) -> EvaluationResult:
        """Predict and evaluate; predictions, tables and report go into the folder."""
        network = _load_network(candidate, self.options.device)
        lacking = set(self.protocol.joint_names) - set(network.skeleton.joint_names)
        if lacking:
            raise UserError(
                f"{source}: its joint set {network.skeleton.name!r} lacks "
                f"{', '.join(sorted(lacking))}, which {self.name} measures"
            )
        truth, people = self._load()
        # Where nobody watches, rich leaves an empty line.
        hidden = not self.console.is_terminal
        with Progress(console=self.console, transient=True, disable=hidden) as progress:
            task = progress.add_task(f"{self.name}, {source}", total=len(people.samples))
            predictions = predict_dataset(
                network,
                people,
                flip=self.options.flip,
                places=self.protocol.places,
                uses_true_roots=not self.options.detected,
                on_batch=lambda count: progress.advance(task, count),
            )
        make_folder(folder)
        if self.protocol.write is not None:
            self.protocol.write(folder, truth, predictions)
        write_json(folder / "predictions.json", truth.samples, predictions)
        title = f"{self.name}: {source}"
        return _report(self.protocol, truth, predictions, self.options.data, folder, title)


def _load_network(candidate: Candidate, device: str | None) -> CropNetwork:
    if candidate.path.suffix != ".safetensors":
        return PoseNetwork(candidate.path)
    # Exported models are tested without torch.
    from ..models.network import INPUT_PX, TorchNetwork

    return TorchNetwork(candidate.path, input_px=candidate.input_px or INPUT_PX, device=device)


def _read(path: Path, dataset: PoseDataset, protocol: TestProtocol, name: str) -> Predictions:
    """This project's JSON, which is an object, or else what other tools write for the protocol."""
    try:
        with path.open("rb") as file:
            is_object = file.read(64).lstrip().startswith(b"{")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if is_object:
        return read_json(path, dataset.samples)
    if protocol.read is None:
        raise UserError(
            f"{path}: no JSON object; for {name} predictions come in this project's format, "
            "see docs/evaluation.md"
        )
    return protocol.read(path, dataset)


def _report(
    protocol: TestProtocol,
    truth: PoseDataset,
    predictions: Predictions,
    data: Path,
    folder: Path,
    title: str,
) -> EvaluationResult:
    make_folder(folder)
    result = protocol.evaluate(truth, predictions, data, folder)
    write_report(folder, result, truth, predictions, title=title)
    return result
