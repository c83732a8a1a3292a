"""The people with the largest errors, as pictures: photo, prediction, truth and side views."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.images import read_image
from ..data.samples import PoseDataset, PoseSamples
from ..draw import OUTLINE, draw_poses, edge_side
from ..errors import UserError
from ..geometry import DEFAULT_FOV_DEGREES, Camera, apply_affine, crop_affine, warp_crop
from ..media import encode_jpeg
from ..results import Pose
from ..skeleton import Skeleton
from .inputs import nearest_sample
from .predictions import Predictions
from .results import EvaluationResult

FloatArray = NDArray[np.floating]

#: Side of the pictures, and of each of the two views in 3D.
PICTURE_PX = 320
VIEW_PX = 160
#: What of a view is left free around the poses.
VIEW_MARGIN_PX = 12
WHITE = (255, 255, 255)


def mean_errors(result: EvaluationResult) -> FloatArray:
    """(P,) mean error over the joints; NaN for people that nobody was predicted for."""
    known = np.isfinite(result.joint_errors) & (result.people_index >= 0)[:, None]
    count = known.sum(axis=1)
    total = np.where(known, result.joint_errors, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def worst_people(result: EvaluationResult, num_worst: int) -> NDArray[np.intp]:
    """Up to ``num_worst`` indices into the result's people, the largest mean error first."""
    errors = mean_errors(result)
    order = np.argsort(-errors, kind="stable")  # NaN comes last
    return order[np.isfinite(errors[order])][:num_worst]


@dataclass(frozen=True, kw_only=True)
class _Case:
    predicted_px: FloatArray
    predicted_mm: FloatArray | None
    predicted_skeleton: Skeleton
    truth_px: FloatArray
    truth_mm: FloatArray | None
    truth_skeleton: Skeleton
    box_xywh: FloatArray


def case_html(
    person: int, result: EvaluationResult, dataset: PoseDataset, predictions: Predictions
) -> str:
    """One evaluated person as an HTML figure.

    A photograph that cannot be read, or in which nobody is labelled, is replaced by the reason.
    """
    samples, views = dataset.samples, ""
    image = int(result.image_index[person])
    name = samples.image_names[image].decode()
    errors = result.joint_errors[person]
    largest = int(np.nanargmax(errors))
    row = int(result.people_index[person])
    try:
        truth = _label(person, result, samples, predictions)
        case = _case(row, image, truth, samples, predictions)
        views = _views_svg(case)
        picture = _draw_case(case, read_image(dataset.images, name)[..., ::-1])
        source = base64.b64encode(encode_jpeg(picture, quality=82)).decode()
        photo = (
            f'<img width="{PICTURE_PX}" height="{PICTURE_PX}" src="data:image/jpeg;base64,{source}"'
            f' alt="Part of {escape(name)}: the predicted and the true pose">'
        )
    except UserError as error:
        photo = f'<p class="note">No picture: {escape(str(error))}</p>'
    return (
        f'<figure class="case">{photo}{views}<figcaption>'
        f"<b>{np.nanmean(errors):.1f} {escape(result.error_unit)}</b> mean error; "
        f"largest {errors[largest]:.1f} at {escape(result.joint_names[largest])}<br>"
        f'<span class="soft">{escape(name)}</span></figcaption></figure>'
    )


def _label(
    person: int, result: EvaluationResult, samples: PoseSamples, predictions: Predictions
) -> int:
    """Which label the prediction was compared with, or the nearest where the result leaves it open.

    Raises:
        UserError: its picture has none.
    """
    if result.sample_index is not None and result.sample_index[person] >= 0:
        return int(result.sample_index[person])
    image = int(result.image_index[person])
    pose_px = predictions.keypoints_px[int(result.people_index[person])]
    nearest = nearest_sample(samples, image, pose_px, predictions.skeleton)
    if nearest < 0:
        raise UserError(f"{samples.image_names[image].decode()}: the test set labels nobody in it")
    return nearest


def _case(
    row: int, image: int, truth: int, samples: PoseSamples, predictions: Predictions
) -> _Case:
    predicted_mm = predictions.keypoints_mm[row].astype(np.float64)
    truth_px = samples.keypoints_px[truth].astype(np.float64)
    truth_px[~samples.has_px[truth]] = np.nan
    has_truth_mm = np.isfinite([*samples.cameras[image], *samples.roots_mm[truth]]).all()
    truth_mm = samples.keypoints_mm(truth) if has_truth_mm else None
    if truth_mm is not None:
        truth_mm[~(samples.has_px[truth] & samples.has_depth[truth])] = np.nan
    return _Case(
        predicted_px=predictions.keypoints_px[row].astype(np.float64),
        predicted_mm=_from_root(predicted_mm, predictions.skeleton),
        predicted_skeleton=predictions.skeleton,
        truth_px=truth_px,
        truth_mm=None if truth_mm is None else _from_root(truth_mm, samples.skeleton),
        truth_skeleton=samples.skeleton,
        box_xywh=samples.boxes_xywh[truth].astype(np.float64),
    )


def _from_root(keypoints_mm: FloatArray, skeleton: Skeleton) -> FloatArray | None:
    if skeleton.root is None or not np.isfinite(keypoints_mm[skeleton.root]).all():
        return None
    return keypoints_mm - keypoints_mm[skeleton.root]


def _draw_case(case: _Case, image_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    affine = crop_affine(case.box_xywh, PICTURE_PX)
    crop = warp_crop(np.ascontiguousarray(image_rgb), affine, PICTURE_PX)
    joints = case.predicted_skeleton.num_joints
    if np.isfinite(case.predicted_px).all():
        depth_mm = np.zeros((joints, 3)) if case.predicted_mm is None else case.predicted_mm
        pose = Pose(
            keypoints_px=apply_affine(case.predicted_px, affine),
            keypoints_mm=depth_mm,
            root_relative_mm=depth_mm,
            scores=np.ones(joints),
            box_xywh=np.array([0.0, 0.0, PICTURE_PX, PICTURE_PX]),
            skeleton=case.predicted_skeleton,
            camera=Camera.from_fov(DEFAULT_FOV_DEGREES, (PICTURE_PX, PICTURE_PX)),
            camera_is_assumed=True,
        )
        crop = draw_poses(crop, [pose])
    truth_px = apply_affine(case.truth_px, affine)
    for color, thickness in ((OUTLINE, 3), (WHITE, 1)):
        for edge in case.truth_skeleton.edges:
            start, end = truth_px[list(edge)]
            if np.isfinite([start, end]).all():
                # 4 fractional bits, as in draw.py; clipped to OpenCV's 32-bit coordinates.
                points = np.round(np.clip([start, end], -1e5, 1e5) * 16).astype(int).tolist()
                cv2.line(crop, points[0], points[1], color, thickness, cv2.LINE_AA, 4)
    return crop


def _views_svg(case: _Case) -> str:
    """Both poses from the front (x, y) and from the side (z, y), to one scale, around the root."""
    if case.predicted_mm is None or case.truth_mm is None:
        return '<p class="note">No view in 3D: the prediction or the truth has no depth.</p>'
    points = np.vstack([case.predicted_mm, case.truth_mm])
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    scale = (VIEW_PX - 2 * VIEW_MARGIN_PX) / max(float((high - low).max()), 1.0)
    shapes = []
    # Camera space is x right, y down: SVG's own axes. From the side, z points to the right.
    for column, (axes, words) in enumerate((([0, 1], "front"), ([2, 1], "side"))):
        middle = (low + high)[axes] / 2
        center = np.array([(column + 0.5) * VIEW_PX, VIEW_PX / 2])
        for pose_mm, skeleton, kind in (
            (case.predicted_mm, case.predicted_skeleton, "predicted"),
            (case.truth_mm, case.truth_skeleton, "truth"),
        ):
            shapes += _limbs((pose_mm[:, axes] - middle) * scale + center, skeleton, kind)
        shapes.append(f'<text x="{center[0]:.0f}" y="{VIEW_PX + 12}" class="mid">{words}</text>')
    bar_mm = next(length for length in (1000, 500, 200, 100, 50, 20, 10, 1) if length * scale <= 70)
    bottom, start = VIEW_PX + 24, VIEW_MARGIN_PX
    end = start + bar_mm * scale
    shapes.append(
        f'<path class="scale" d="M{start} {bottom - 3}v6m0-3H{end:.1f}m0-3v6"/>'
        f'<text x="{end + 5:.1f}" y="{bottom + 4}">{bar_mm} mm</text>'
    )
    return (
        f'<svg class="views" viewBox="0 0 {2 * VIEW_PX} {VIEW_PX + 32}" role="img" '
        'aria-label="Predicted and true pose around the root, from the front and from the side">'
        + "".join(shapes)
        + "</svg>"
    )


def _limbs(points: FloatArray, skeleton: Skeleton, kind: str) -> list[str]:
    limbs = []
    for edge in skeleton.edges:
        (x1, y1), (x2, y2) = points[list(edge)]
        if np.isfinite([x1, y1, x2, y2]).all():
            limbs.append(
                f'<line class="{kind} {edge_side(skeleton, edge)}" '
                f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
            )
    return limbs
