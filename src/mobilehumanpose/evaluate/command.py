"""What ``mhp test`` does: a model or a file of predictions, a protocol, and a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from ..data.catalogue import find_dataset
from ..data.human36m import PROTOCOLS, Human36MProtocol
from ..data.samples import PoseDataset
from ..errors import UserError
from ..media import make_folder
from ..runtime import PoseNetwork
from ..skeleton import MUPOTS_17, Skeleton
from ..weights import model_path
from .flip import Unflip
from .human36m import HUMAN36M_17, evaluate_human36m
from .mupots import evaluate_mupots, mupots_errors
from .mupots_tables import write_mupots_tables
from .mupots_truth import read_mupots_truth
from .predict import predict_dataset
from .prediction_files import read_human36m_json, read_json, write_human36m_json, write_json
from .prediction_mats import read_mat, write_mat
from .predictions import Predictions
from .report import format_tables, write_report
from .results import EvaluationResult


@dataclass(frozen=True, kw_only=True)
class TestProtocol:
    """A test that can be asked for by name.

    Attributes:
        dataset: key of ``data.catalogue.DATASETS``.
        part: with the true boxes and roots; ``<part>-detected`` has those of ``bbox_root``.
        skeleton: the joints that are measured.
        read: the original's file of predictions for this test, which other tools write too.
        write: predictions, in the format that the original wrote, into a folder.
        evaluate: predictions against a test set, whose ``data`` folder is given.
    """

    dataset: str
    part: str
    skeleton: Skeleton
    read: Callable[[Path, PoseDataset], Predictions]
    write: Callable[[Path, PoseDataset, Predictions], None]
    evaluate: Callable[[PoseDataset, Predictions, Path, Path], EvaluationResult]


def _human36m(protocol: Human36MProtocol, part: str) -> TestProtocol:
    return TestProtocol(
        dataset="human36m",
        part=part,
        skeleton=HUMAN36M_17,
        read=lambda path, dataset: read_human36m_json(path, dataset.samples),
        write=lambda out, dataset, predictions: write_human36m_json(
            out / "bbox_root_pose_human36m_output.json", dataset.samples, predictions
        ),
        evaluate=lambda dataset, predictions, _data, _out: evaluate_human36m(
            dataset.samples, predictions, protocol=protocol
        ),
    )


def _read_mupots(path: Path, dataset: PoseDataset) -> Predictions:
    if "3d" not in path.name:
        raise UserError(f"{path}: the file of 3D poses is needed, preds_3d_kpt_mupots.mat")
    path_2d = path.with_name(path.name.replace("3d", "2d"))
    return read_mat(path_2d, path, dataset.samples, kind="mupots")


def _write_mupots(out: Path, dataset: PoseDataset, predictions: Predictions) -> None:
    write_mat(
        out / "preds_2d_kpt_mupots.mat",
        out / "preds_3d_kpt_mupots.mat",
        dataset.samples,
        predictions,
        kind="mupots",
    )


def _evaluate_mupots(
    dataset: PoseDataset, predictions: Predictions, data: Path, out: Path
) -> EvaluationResult:
    samples = dataset.samples
    folder = data / "MuPoTS" / "data" / "MultiPersonTestSet"
    if not list(folder.glob("TS*/annot.mat")):
        return evaluate_mupots(samples, predictions)
    truth = read_mupots_truth(folder, samples)
    errors_mm, _ = mupots_errors(samples, predictions, truth)
    for matched_only in (False, True):
        write_mupots_tables(out, truth, errors_mm, matched_only=matched_only)
    return evaluate_mupots(samples, predictions, truth=truth)


TEST_PROTOCOLS = {
    "human36m-protocol1": _human36m(PROTOCOLS[1], "test-protocol1"),
    "human36m-protocol2": _human36m(PROTOCOLS[2], "test"),
    "mupots": TestProtocol(
        dataset="mupots",
        part="test",
        skeleton=MUPOTS_17,
        read=_read_mupots,
        write=_write_mupots,
        evaluate=_evaluate_mupots,
    ),
}


def _read(path: Path, dataset: PoseDataset, protocol: TestProtocol) -> Predictions:
    """This project's JSON, which is an object, or else the file that the original writes."""
    try:
        with path.open("rb") as file:
            is_object = file.read(64).lstrip().startswith(b"{")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    return read_json(path, dataset.samples) if is_object else protocol.read(path, dataset)


def run_test(
    name: str,
    *,
    model: str,
    data: Path,
    out: Path,
    detected: bool,
    predictions_path: Path | None,
    flip: Unflip | None,
    console: Console,
) -> None:
    """Evaluate, print the figures, and write predictions, tables and report.

    Args:
        name: a key of ``TEST_PROTOCOLS``.
        model: a bundled model or the path of an ``.onnx`` file.
        data: the folder that holds ``Human36M``, ``MuPoTS`` … in the original's layout.
        out: gets a folder of the protocol's name.
        detected: boxes and roots from ``bbox_root_*.json`` rather than from the truth.
        predictions_path: evaluates this file instead of a model.
        flip: see :func:`~mobilehumanpose.evaluate.predict.predict_dataset`.
        console: where figures and progress are told.

    Raises:
        UserError: there is no such protocol, or a file is absent or wrong.
    """
    if name not in TEST_PROTOCOLS:
        raise UserError(f"unknown test {name!r}; known are {', '.join(TEST_PROTOCOLS)}")
    protocol = TEST_PROTOCOLS[name]
    entry = find_dataset(protocol.dataset)
    truth = entry.load(protocol.part, data)
    folder = out / name
    if predictions_path is not None:
        predictions = _read(predictions_path, truth, protocol)
    else:
        people = entry.load(f"{protocol.part}-detected", data) if detected else truth
        network = PoseNetwork(model_path(model))
        lacking = set(protocol.skeleton.joint_names) - set(network.skeleton.joint_names)
        if lacking:
            raise UserError(
                f"{model}: its joint set {network.skeleton.name!r} lacks "
                f"{', '.join(sorted(lacking))}, which {name} measures"
            )
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(f"{name}, {model}", total=len(people.samples))
            predictions = predict_dataset(
                network,
                people,
                flip=flip,
                uses_true_roots=not detected,
                on_batch=lambda count: progress.advance(task, count),
            )
        make_folder(folder)
        protocol.write(folder, truth, predictions)
        write_json(folder / "predictions.json", truth.samples, predictions)
    make_folder(folder)
    result = protocol.evaluate(truth, predictions, data, folder)
    console.print(format_tables(result))
    source = predictions_path.name if predictions_path else model
    files = write_report(folder, result, truth, predictions, title=f"{name}: {source}")
    console.print(f"report: {files[-1]}", soft_wrap=True, highlight=False)
