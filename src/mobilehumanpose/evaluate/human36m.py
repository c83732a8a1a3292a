"""Human3.6M: error per action and joint, plain and aligned.

Other projects use the names "protocol 1" and "2" the other way round, or for other subjects, so
that here they stand only beside what they mean.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..data.human36m import ACTIONS, Human36MProtocol
from ..data.samples import PoseSamples
from ..errors import UserError
from ..geometry import rigid_align, similarity_align
from ..skeleton import HUMAN36M_18
from .inputs import image_label, one_to_one, predicted_joints, true_joints_mm
from .metrics import joint_distances, mean_known
from .predictions import Predictions
from .results import EvaluationResult, ResultTable

#: The evaluated joints: all but the Thorax, which the labels only derive from the shoulders.
HUMAN36M_17 = replace(HUMAN36M_18, name="human36m-17", joint_names=HUMAN36M_18.joint_names[:17])

MPJPE = "MPJPE, mm"
PA_RIGID = "PA-MPJPE rigid (no scale), mm"
PA_SIMILARITY = "PA-MPJPE with scale, mm"


#: The quoted figure of each protocol, a key of the headline.
QUOTED = {"mpjpe": MPJPE, "pa_mpjpe_rigid": PA_RIGID}


def definition(protocol: Human36MProtocol) -> str:
    """The protocol in one line."""

    def names(subjects: tuple[int, ...]) -> str:
        return " ".join(f"S{subject}" for subject in subjects)

    return (
        f"Human3.6M, MobileHumanPose's protocol {protocol.number}: trained on "
        f"{names(protocol.train_subjects)}, tested on {names(protocol.test_subjects)}, every "
        f"{protocol.test_stride}th frame of 4 cameras, 17 joints with the pelvis (Thorax left "
        f"out), relative to the pelvis, mean over frames, {QUOTED[protocol.metric]}"
    )


def evaluate_human36m(
    samples: PoseSamples, predictions: Predictions, *, protocol: Human36MProtocol
) -> EvaluationResult:
    """Errors of one prediction per image, with and without alignment.

    Alignment uses all 18 joints where the predictions have the Thorax, else 17; errors are of 17.

    Args:
        samples: the truth; ``image_tags["action"]`` holds 2 … 16, and ``image_tags["subject"]``,
            if there, is held against the protocol.
        predictions: one per image, absolute or root-relative.
        protocol: what is quoted; every metric is computed whichever it is.

    Returns:
        All three metrics; ``joint_errors`` are those of the protocol's metric.

    Raises:
        UserError: predictions and samples are not one to one, joints or tags are missing, or the
            subjects are not the protocol's.
    """
    actions = _actions(samples)
    warnings = _checked_subjects(samples, protocol)
    has_thorax = "Thorax" in predictions.skeleton.joint_names
    skeleton = HUMAN36M_18 if has_thorax else HUMAN36M_17
    truth = true_joints_mm(samples, skeleton)
    _, predicted = predicted_joints(predictions, skeleton, samples)
    rows = one_to_one(samples.image_index, predictions, samples)
    predicted = predicted[rows]
    root = skeleton.index("Pelvis")
    predicted -= predicted[:, [root]]
    truth -= truth[:, [root]]

    errors = {
        name: joint_distances(predicted, truth, align)[:, : HUMAN36M_17.num_joints]
        for name, align in (
            (MPJPE, None),
            (PA_RIGID, rigid_align),
            (PA_SIMILARITY, similarity_align),
        )
    }
    quoted = QUOTED[protocol.metric]
    metrics = sorted(errors, key=lambda name: name != quoted)  # the quoted one first
    by_action = [
        [mean_known(errors[name][actions == number]) for name in metrics] for number in ACTIONS
    ]
    empty = [name for number, name in ACTIONS.items() if not (actions == number).any()]
    if empty:
        warnings.append(f"No frame of {', '.join(empty)}: not measured.")
    headline = {name: mean_known(errors[name]) for name in metrics}
    columns = tuple(name.removesuffix(", mm") for name in metrics)
    return EvaluationResult(
        protocol=definition(protocol),
        headline=headline,
        tables=(
            ResultTable(
                title="Error by action (All: mean over frames, not over actions)",
                unit="mm",
                row_names=(*ACTIONS.values(), "All"),
                column_names=columns,
                values=np.array([*by_action, list(headline.values())]),
            ),
            ResultTable(
                title="Error by joint",
                unit="mm",
                row_names=HUMAN36M_17.joint_names,
                column_names=columns,
                values=np.stack(
                    [[mean_known(column) for column in errors[name].T] for name in metrics], axis=1
                ),
            ),
        ),
        joint_names=HUMAN36M_17.joint_names,
        joint_errors=errors[quoted],
        error_unit="mm",
        image_index=samples.image_index,
        people_index=rows,
        warnings=tuple(warnings),
    )


def _actions(samples: PoseSamples) -> NDArray[np.integer]:
    """(N,) action number of each person."""
    if "action" not in samples.image_tags:
        raise UserError("these samples have no image_tags['action'], which Human3.6M is sorted by")
    actions = samples.image_tags["action"][samples.image_index]
    unknown = ~np.isin(actions, list(ACTIONS))
    if unknown.any():
        at = int(np.argmax(unknown))
        raise UserError(
            f"{image_label(samples, int(samples.image_index[at]))}: "
            f"action {actions[at]} is none of Human3.6M's 2 to 16"
        )
    return actions


def _checked_subjects(samples: PoseSamples, protocol: Human36MProtocol) -> list[str]:
    """Warnings about subjects that are missing; those that do not belong are an error."""
    if "subject" not in samples.image_tags:
        return ["The samples do not tell their subjects, so these were not checked."]
    present = set(samples.image_tags["subject"][samples.image_index].tolist())
    strangers = sorted(present - set(protocol.test_subjects))
    if strangers:
        raise UserError(
            f"samples of subject S{strangers[0]}: protocol {protocol.number} tests only "
            + " ".join(f"S{subject}" for subject in protocol.test_subjects)
        )
    missing = sorted(set(protocol.test_subjects) - present)
    return [f"No frame of S{subject}, which belongs to the protocol." for subject in missing]
