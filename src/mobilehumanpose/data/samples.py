"""Labelled people as plain arrays: what every dataset's reader returns.

A million people of 18 joints, one a picture, take 0.38 GB (``benchmarks/label_memory.py``), in a
dozen arrays and no Python objects, so that a loader's workers, which have a copy each, are handed
them in a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..geometry import Camera, back_project
from ..skeleton import Skeleton
from .images import Images


@dataclass(frozen=True, kw_only=True)
class PoseSamples:
    """N labelled people in M images.

    Attributes:
        skeleton: the J joints of the labels.
        image_names: (M,) UTF-8 bytes, as :class:`Images` knows them.
        image_sizes: (M, 2) int32 width and height in px.
        image_ids: (M,) int64, the dataset's own numbers.
        cameras: (M, 4) float32 fx, fy, cx, cy in px; NaN where unknown.
        image_tags: (M,) int32 arrays by name, what the dataset's protocol sorts by, e.g. action.
        image_index: (N,) int32, which image shows the person.
        boxes_xywh: (N, 4) float32 px, the square to crop: ``process_bbox`` has been applied.
        keypoints_px: (N, J, 2) float32.
        depth_mm: (N, J) float32 behind the root.
        has_px: (N, J) bool, whether the joint's place in the picture is known.
        has_depth: (N, J) bool, whether its depth is.
        roots_mm: (N, 3) float32, the root in camera space; NaN where unknown.
    """

    skeleton: Skeleton
    image_names: NDArray[np.bytes_]
    image_sizes: NDArray[np.int32]
    image_ids: NDArray[np.int64]
    cameras: NDArray[np.float32]
    image_tags: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    image_index: NDArray[np.int32]
    boxes_xywh: NDArray[np.float32]
    keypoints_px: NDArray[np.float32]
    depth_mm: NDArray[np.float32]
    has_px: NDArray[np.bool_]
    has_depth: NDArray[np.bool_]
    roots_mm: NDArray[np.float32]

    def __post_init__(self) -> None:
        num_images, num_people = len(self.image_names), len(self.image_index)
        joints = self.skeleton.num_joints
        shapes = {
            "image_names": (num_images,),
            "image_sizes": (num_images, 2),
            "image_ids": (num_images,),
            "cameras": (num_images, 4),
            "image_index": (num_people,),
            "boxes_xywh": (num_people, 4),
            "keypoints_px": (num_people, joints, 2),
            "depth_mm": (num_people, joints),
            "has_px": (num_people, joints),
            "has_depth": (num_people, joints),
            "roots_mm": (num_people, 3),
        }
        for name, shape in shapes.items():
            actual = getattr(self, name).shape
            if actual != shape:
                raise ValueError(f"{name} has shape {actual}, not {shape}")

    def __len__(self) -> int:
        return len(self.image_index)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        arrays = [getattr(self, item.name) for item in fields(self)]
        arrays += self.image_tags.values()
        return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))

    def image_name(self, index: int) -> str:
        """Name of the image that shows person ``index``."""
        return self.image_names[self.image_index[index]].decode()

    def image_size(self, index: int) -> tuple[int, int]:
        """(width, height) in px of the image that shows person ``index``."""
        width, height = self.image_sizes[self.image_index[index]]
        return int(width), int(height)

    def camera(self, index: int) -> Camera:
        """Intrinsics of the image that shows person ``index``.

        Raises:
            UserError: the dataset does not know them.
        """
        fx, fy, cx, cy = map(float, self.cameras[self.image_index[index]])
        if np.isnan(fx):
            raise UserError(f"{self.image_name(index)}: its camera is unknown")
        return Camera(focal_px=(fx, fy), center_px=(cx, cy))

    def keypoints_mm(self, index: int) -> NDArray[np.floating]:
        """(J, 3) joints of person ``index`` in camera space, from pixels, depth and root.

        Raises:
            UserError: the camera is unknown.
        """
        depth_mm = self.depth_mm[index].astype(np.float64) + float(self.roots_mm[index, 2])
        return back_project(
            self.keypoints_px[index].astype(np.float64), depth_mm, self.camera(index)
        )

    def subset(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> PoseSamples:
        """The people where the (N,) mask is True, or of those indices; all images stay."""
        names = ("image_index", "boxes_xywh", "keypoints_px", "depth_mm", "has_px", "has_depth")
        return replace(
            self,
            **{name: getattr(self, name)[chosen] for name in names},
            roots_mm=self.roots_mm[chosen],
        )


@dataclass(frozen=True, kw_only=True)
class PoseDataset:
    """Samples and the images that they lie in.

    Attributes:
        name: for messages and files.
        samples: the labels.
        images: where their pictures are read.
    """

    name: str
    samples: PoseSamples
    images: Images
