"""The tests that ``mhp test`` knows by name: of which set, joints, files and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..data.human36m import PROTOCOLS, Human36MProtocol
from ..data.mpi_inf_3dhp import mpi_inf_3dhp_folder
from ..data.mscoco import mscoco_annotations
from ..data.samples import PoseDataset
from ..errors import UserError
from ..skeleton import MUPOTS_17
from .coco_ap import COCO_17, evaluate_coco_keypoints
from .coco_results import read_coco_results, write_coco_results
from .human36m import HUMAN36M_17, evaluate_human36m
from .lspet import LIMBS_AND_ROOT, evaluate_lspet
from .mpi_inf_3dhp import evaluate_mpi_inf_3dhp, read_mpi_inf_3dhp_truth
from .mupots import evaluate_mupots, mupots_errors
from .mupots_tables import write_mupots_errors, write_mupots_tables
from .mupots_truth import read_mupots_truth
from .prediction_files import read_human36m_json, write_human36m_json
from .prediction_mats import read_mat, write_mat
from .predictions import Predictions
from .results import EvaluationResult
from .root_files import read_bbox_root_predictions
from .roots import evaluate_mrpe, evaluate_root_ap
from .synth import evaluate_synth

Read = Callable[[Path, PoseDataset], Predictions]
Write = Callable[[Path, PoseDataset, Predictions], None]


@dataclass(frozen=True, kw_only=True)
class TestProtocol:
    """A test that can be asked for by name.

    Attributes:
        dataset: key of ``data.catalogue.DATASETS``.
        part: with the true boxes, and roots if known; ``<part>-detected``, where there is one, has
            those of ``bbox_root``.
        joint_names: that a model must have.
        places: how a model's people are placed, see ``predict.predict_dataset``.
        evaluate: predictions against a test set, whose ``data`` folder is given, and a folder for
            further files of results.
        read: another file of predictions for this test than this project's JSON, which other tools
            write; None where there is no such format.
        write: predictions, in that format, into a folder.
    """

    dataset: str
    part: str
    joint_names: tuple[str, ...]
    places: Literal["roots", "stature"]
    evaluate: Callable[[PoseDataset, Predictions, Path, Path], EvaluationResult]
    read: Read | None = None
    write: Write | None = None


def _human36m(protocol: Human36MProtocol, part: str) -> TestProtocol:
    return TestProtocol(
        dataset="human36m",
        part=part,
        joint_names=HUMAN36M_17.joint_names,
        places="roots",
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
        write_mupots_errors(out, truth, errors_mm, matched_only=matched_only)
    return evaluate_mupots(samples, predictions, truth=truth)


def _evaluate_mpi_inf_3dhp(
    dataset: PoseDataset, predictions: Predictions, data: Path, _out: Path
) -> EvaluationResult:
    truth = read_mpi_inf_3dhp_truth(mpi_inf_3dhp_folder(data), dataset.samples)
    return evaluate_mpi_inf_3dhp(dataset.samples, predictions, truth)


def _roots(
    dataset: str,
    evaluate: Callable[..., EvaluationResult],
    *,
    one_per_image: bool,
) -> TestProtocol:
    return TestProtocol(
        dataset=dataset,
        part="test",
        joint_names=LIMBS_AND_ROOT.joint_names,
        places="stature",
        read=lambda path, dataset: read_bbox_root_predictions(
            path, dataset.samples, one_per_image=one_per_image
        ),
        evaluate=lambda dataset, predictions, _data, _out: evaluate(dataset.samples, predictions),
    )


TEST_PROTOCOLS: Mapping[str, TestProtocol] = {
    "human36m-protocol1": _human36m(PROTOCOLS[1], "test-protocol1"),
    "human36m-protocol2": _human36m(PROTOCOLS[2], "test"),
    "human36m-roots": _roots("human36m", evaluate_mrpe, one_per_image=True),
    "mupots": TestProtocol(
        dataset="mupots",
        part="test",
        joint_names=MUPOTS_17.joint_names,
        places="roots",
        read=_read_mupots,
        write=_write_mupots,
        evaluate=_evaluate_mupots,
    ),
    "mupots-roots": _roots("mupots", evaluate_root_ap, one_per_image=False),
    "mpi-inf-3dhp": TestProtocol(
        dataset="mpi-inf-3dhp",
        part="test",
        joint_names=MUPOTS_17.joint_names,
        places="roots",
        evaluate=_evaluate_mpi_inf_3dhp,
    ),
    "coco": TestProtocol(
        dataset="mscoco",
        part="validation",
        joint_names=COCO_17.joint_names,
        places="stature",
        read=lambda path, dataset: read_coco_results(path, dataset.samples),
        write=lambda out, dataset, predictions: write_coco_results(
            out / "person_keypoints_results.json", dataset.samples, predictions
        ),
        evaluate=lambda dataset, predictions, data, _out: evaluate_coco_keypoints(
            mscoco_annotations(data, "val2017"), dataset.samples, predictions
        ),
    ),
    "lspet": TestProtocol(
        dataset="lspet",
        part="validation",
        joint_names=LIMBS_AND_ROOT.joint_names,
        places="stature",
        evaluate=lambda dataset, predictions, _data, _out: evaluate_lspet(
            dataset.samples, predictions
        ),
    ),
    "synth": TestProtocol(
        dataset="synth",
        part="test",
        joint_names=MUPOTS_17.joint_names,
        places="stature",
        evaluate=lambda dataset, predictions, _data, _out: evaluate_synth(
            dataset.samples, predictions
        ),
    ),
}


def find_protocol(name: str) -> TestProtocol:
    """The test of that name.

    Raises:
        UserError: there is none.
    """
    if name not in TEST_PROTOCOLS:
        raise UserError(f"unknown test {name!r}; known are {', '.join(TEST_PROTOCOLS)}")
    return TEST_PROTOCOLS[name]
