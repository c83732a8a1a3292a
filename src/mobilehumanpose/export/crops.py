"""Crops that exports are checked and calibrated on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..geometry import crop_affine, process_bbox, warp_crop
from ..media import find_photos, load_photo
from ..runtime import PoseNetwork
from ..views import find_person, view_affine
from ..weights import DEFAULT_MODEL, model_path
from .drawn_people import draw_people

#: Fewer pictures do not show the range that values have; more tell little more and take longer.
MIN_CALIBRATION, MAX_CALIBRATION = 64, 128
#: Every so many-th of them is kept back, to compare the file with PyTorch on what it was not
#: calibrated on.
KEEP_BACK = 8
#: Drawings that stand in where no photograph is given.
NUM_DRAWN = 8

CalibrationBoxes = Literal["found", "whole"]


class CropSet(NamedTuple):
    """(N, P, P, 3) uint8 RGB crops, and what they are, in plural."""

    crops: NDArray[np.uint8]
    pictures: str


def check_crops(photos: Sequence[Path], input_px: int) -> CropSet:
    """The middle square of each photograph, or drawn people where there is none.

    Raises:
        UserError: a photograph cannot be read, or is too small.
    """
    if not photos:
        return CropSet(draw_people(NUM_DRAWN, input_px), "drawn people")
    crops = [_middle(path, load_photo(path), input_px) for path in photos]
    return CropSet(np.stack(crops), "crops of photographs")


def calibration_crops(folder: Path, input_px: int, boxes: CalibrationBoxes) -> NDArray[np.uint8]:
    """Crops of people in a folder's photographs, evenly taken of all that are there.

    Args:
        folder: of photographs, or of crops.
        input_px: side of the crops.
        boxes: ``"found"`` crops the person whom the bundled model finds, ``"whole"`` the middle
            square of each picture, as suits crops.

    Returns:
        (N, P, P, 3), 64 to 128 of them.

    Raises:
        UserError: there are too few photographs, or one cannot be read.
    """
    photos = list(find_photos([folder]))
    if len(photos) < MIN_CALIBRATION:
        raise UserError(
            f"{folder}: {len(photos)} photographs; int8 is calibrated on {MIN_CALIBRATION} at least"
        )
    count = min(len(photos), MAX_CALIBRATION)
    chosen = [photos[i] for i in np.linspace(0, len(photos) - 1, count).round().astype(int)]
    if boxes == "whole":
        return np.stack([_middle(path, load_photo(path), input_px) for path in chosen])
    network = PoseNetwork(model_path(DEFAULT_MODEL))
    crops = []
    for path in chosen:
        photo = load_photo(path)
        view = find_person(network, photo).view
        crops.append(warp_crop(photo, view_affine(view, input_px), input_px))
    return np.stack(crops)


def keep_back(crops: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Those to calibrate on, and those to compare on."""
    kept = np.arange(len(crops)) % KEEP_BACK == 0
    return crops[~kept], crops[kept]


def _middle(path: Path, photo: NDArray[np.uint8], input_px: int) -> NDArray[np.uint8]:
    size = (photo.shape[1], photo.shape[0])
    side = min(size)
    middle = np.array([(size[0] - side) / 2, (size[1] - side) / 2, side, side], float)
    box = process_bbox(middle, size, margin=1.0)
    if box is None:
        raise UserError(f"{path}: too small to cut a crop from")
    return warp_crop(photo, crop_affine(box, input_px), input_px)
