"""Human3.6M: error per action and joint, plain and aligned.

Other projects use the names "protocol 1" and "2" the other way round, or for other subjects, so
that here they stand only beside what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

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

#: Names of the dataset's actions by their numbers in ``image_tags["action"]``.
ACTIONS = {
    2: "Directions",
    3: "Discussion",
    4: "Eating",
    5: "Greeting",
    6: "Phoning",
    7: "Posing",
    8: "Purchases",
    9: "Sitting",
    10: "SittingDown",
    11: "Smoking",
    12: "Photo",
    13: "Waiting",
    14: "Walking",
    15: "WalkDog",
    16: "WalkTogether",
}

MPJPE = "MPJPE, mm"
PA_RIGID = "PA-MPJPE rigid (no scale), mm"
PA_SIMILARITY = "PA-MPJPE with scale, mm"


@dataclass(frozen=True, kw_only=True)
class Human36mProtocol:
    """Which people and frames are tested, and the figure that is quoted.

    Attributes:
        number: what MobileHumanPose and 3DMPPE call it.
        train_subjects: who may be trained on.
        test_subjects: who is tested.
        stride: every how manieth frame is tested.
        metric: the quoted figure, a key of the headline.
    """

    number: int
    train_subjects: tuple[int, ...]
    test_subjects: tuple[int, ...]
    stride: int
    metric: str

    @property
    def definition(self) -> str:
        """The protocol in one line."""

        def names(subjects: tuple[int, ...]) -> str:
            return " ".join(f"S{subject}" for subject in subjects)

        return (
            f"Human3.6M, MobileHumanPose's protocol {self.number}: trained on "
            f"{names(self.train_subjects)}, tested on {names(self.test_subjects)}, every "
            f"{self.stride}th frame of 4 cameras, 17 joints with the pelvis (Thorax left out), "
            f"relative to the pelvis, mean over frames, {self.metric}"
        )


PROTOCOL_1 = Human36mProtocol(
    number=1,
    train_subjects=(1, 5, 6, 7, 8, 9),
    test_subjects=(11,),
    stride=64,
    metric=PA_RIGID,
)
PROTOCOL_2 = Human36mProtocol(
    number=2, train_subjects=(1, 5, 6, 7, 8), test_subjects=(9, 11), stride=64, metric=MPJPE
)


def evaluate_human36m(
    samples: PoseSamples, predictions: Predictions, *, protocol: Human36mProtocol
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
    metrics = sorted(errors, key=lambda name: name != protocol.metric)  # the quoted one first
    by_action = [
        [mean_known(errors[name][actions == number]) for name in metrics] for number in ACTIONS
    ]
    empty = [name for number, name in ACTIONS.items() if not (actions == number).any()]
    if empty:
        warnings.append(f"No frame of {', '.join(empty)}: not measured.")
    headline = {name: mean_known(errors[name]) for name in metrics}
    columns = tuple(name.removesuffix(", mm") for name in metrics)
    return EvaluationResult(
        protocol=protocol.definition,
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
        joint_errors=errors[protocol.metric],
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


def _checked_subjects(samples: PoseSamples, protocol: Human36mProtocol) -> list[str]:
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
