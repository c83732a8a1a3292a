"""Training crops a second on one core, beside the original's way and the bare JPEG decoder.

    python benchmarks/crop_speed.py PHOTO_FOLDER [--crop-px 256]

All three take the same photographs and the same boxes, in turns; of each photograph the fastest
round counts, since other work on the machine can only slow it down. Boxes are drawn by a seed, a
quarter to nine tenths of the photograph's shorter side. "Published" is a plain rendering of what
3DMPPE and MobileHumanPose do for every sample: decode the whole picture, cover a rectangle of its
float image with noise, mirror it, warp, multiply the colours, scale to a float tensor. Ours ends
with uint8: a whole batch is scaled at once, on the device that trains. Sizes of pictures are known
beforehand, as in a labelled set.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mobilehumanpose.data.crops import (
    PUBLISHED_AUGMENTATION,
    cut_crop,
    occlude,
    random_affine,
    vary_colors,
)
from mobilehumanpose.data.images import ImageFolder, image_size, read_image
from mobilehumanpose.train.allocator import keep_memory

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def ours(
    images: ImageFolder,
    name: str,
    size: tuple[int, int],
    box: np.ndarray,
    crop_px: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(3, P, P) uint8."""
    affine, _ = random_affine(box, crop_px, PUBLISHED_AUGMENTATION, rng)
    crop = cut_crop(images, name, affine, crop_px, may_shrink=True)
    occlude(crop, box, affine, size, PUBLISHED_AUGMENTATION, rng)
    return vary_colors(crop, PUBLISHED_AUGMENTATION, rng)


def published(
    images: ImageFolder,
    name: str,
    size: tuple[int, int],
    box: np.ndarray,
    crop_px: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(3, P, P) float32."""
    width, height = size
    image = read_image(images, name).astype(np.float32)
    affine, flip = random_affine(box, crop_px, PUBLISHED_AUGMENTATION, rng)
    if rng.random() < PUBLISHED_AUGMENTATION.occlusion_share:
        for _ in range(20):
            area = rng.uniform(0, PUBLISHED_AUGMENTATION.occlusion_area) * box[2] * box[3]
            ratio = rng.uniform(0.3, 1 / 0.3)
            h, w = int(np.sqrt(area * ratio)), int(np.sqrt(area / ratio))
            x, y = int(rng.uniform(0, box[2]) + box[0]), int(rng.uniform(0, box[3]) + box[1])
            if x >= 0 and y >= 0 and x + w < width and y + h < height:
                image[y : y + h, x : x + w] = rng.random((h, w, 3)) * 255
                break
    if flip:
        image = np.ascontiguousarray(image[:, ::-1])
        mirror = np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])
        affine = (np.vstack([affine, [0, 0, 1]]) @ mirror)[:2]  # a mirror is its own inverse
    crop = cv2.warpAffine(image, affine, (crop_px, crop_px), flags=cv2.INTER_LINEAR)
    crop = np.clip(crop[:, :, ::-1] * rng.uniform(0.8, 1.2, 3), 0, 255).astype(np.float32)
    return np.ascontiguousarray(((crop - MEAN) / STD).transpose(2, 0, 1))


def decode_only(
    images: ImageFolder,
    name: str,
    _size: tuple[int, int],
    _box: np.ndarray,
    _crop_px: int,
    _rng: np.random.Generator,
) -> np.ndarray:
    """The whole picture."""
    return read_image(images, name)


Pipeline = Callable[
    [ImageFolder, str, tuple[int, int], np.ndarray, int, np.random.Generator], np.ndarray
]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of .jpg files")
    parser.add_argument("--crop-px", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()

    cv2.setNumThreads(1)
    keep_memory()  # as training does
    images = ImageFolder(arguments.photos)
    names = sorted(path.name for path in arguments.photos.glob("*.jpg"))
    rng = np.random.default_rng(0)
    sizes = [image_size(images, name) for name in names]
    boxes = []
    for width, height in sizes:
        side = rng.uniform(0.25, 0.9) * min(width, height)
        x, y = rng.uniform(0, width - side), rng.uniform(0, height - side)
        boxes.append(np.array([x, y, side, side]))
    pipelines: dict[str, Pipeline] = {
        "ours": ours,
        "published": published,
        "JPEG decoder alone": decode_only,
    }
    seconds = {label: np.full(len(names), np.inf) for label in pipelines}
    for _ in range(arguments.rounds):
        for i, (name, size, box) in enumerate(zip(names, sizes, boxes, strict=True)):
            for label, pipeline in pipelines.items():
                started = time.perf_counter()
                pipeline(images, name, size, box, arguments.crop_px, np.random.default_rng(i))
                seconds[label][i] = min(seconds[label][i], time.perf_counter() - started)
    print(f"{len(names)} photographs, crops of {arguments.crop_px} px, one core:")
    totals = {label: float(values.sum()) for label, values in seconds.items()}
    for label, total in totals.items():
        ratio = total / totals["ours"]
        print(f"  {label:<20}{len(names) / total:8.0f} a second, {ratio:.2f} × the time of ours")


if __name__ == "__main__":
    main()
