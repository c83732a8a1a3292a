"""From the columns of annotation tables to :class:`PoseSamples`: only what passed its rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..skeleton import Skeleton
from .annotations import Table
from .samples import PoseSamples


@dataclass(frozen=True, kw_only=True)
class ImageColumns:
    """What a reader has taken of M images; the fields are those of :class:`PoseSamples`.

    Attributes:
        ids: (M,).
        ok: (M,) whether the image can be used.
        names: (M,) UTF-8 bytes.
        sizes: (M, 2).
        cameras: (M, 4), or None where the dataset knows none.
        tags: (M,) arrays by name.
    """

    ids: NDArray[np.int64]
    ok: NDArray[np.bool_]
    names: NDArray[np.bytes_]
    sizes: NDArray[np.int32]
    cameras: NDArray[np.float32] | None = None
    tags: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)


def image_columns(
    table: Table,
    *,
    prefix: str = "",
    cameras: NDArray[np.float32] | None = None,
    tags: Mapping[str, NDArray[np.int32]] | None = None,
) -> ImageColumns:
    """The columns of a COCO file's images; ``prefix`` goes before each file name."""
    names, sizes = table.file_names(), table.image_sizes()
    return ImageColumns(
        ids=table.ids,
        ok=table.ok,
        names=np.array([prefix.encode() + name for name in names.tolist()], np.bytes_),
        sizes=sizes,
        cameras=cameras,
        tags=tags or {},
    )


def assemble(
    skeleton: Skeleton,
    images: ImageColumns,
    *,
    usable: NDArray[np.bool_],
    image_index: NDArray[np.integer],
    boxes_xywh: NDArray[np.floating],
    keypoints_px: NDArray[np.floating],
    has_px: NDArray[np.bool_],
    keypoints_mm: NDArray[np.floating] | None = None,
    keeps_empty_images: bool = False,
) -> PoseSamples:
    """Samples of the usable people, and of the images that show them.

    Args:
        skeleton: the J joints.
        images: of the M images.
        usable: (N,) which people are taken.
        image_index: (N,).
        boxes_xywh: (N, 4).
        keypoints_px: (N, J, 2).
        has_px: (N, J).
        keypoints_mm: (N, J, 3) in camera space; without it depth and root are unknown.
        keeps_empty_images: whether images that show nobody stay, as test sets need them.
    """
    people = np.flatnonzero(usable)
    shows = images.ok.copy()
    if not keeps_empty_images:
        shows[:] = False
        shows[image_index[people]] = True
    new_index = np.cumsum(shows) - 1
    has_px = has_px[people]
    shape = has_px.shape
    if keypoints_mm is None:
        depth_mm, has_depth = np.zeros(shape), np.zeros(shape, bool)
        roots_mm = np.full((len(people), 3), np.nan)
    else:
        if skeleton.root is None:
            raise ValueError(f"3D labels of {skeleton.name!r}, which has no root")
        roots_mm = keypoints_mm[people, skeleton.root]
        depth_mm, has_depth = keypoints_mm[people, :, 2] - roots_mm[:, 2:], has_px.copy()
    cameras = np.full((len(shows), 4), np.nan) if images.cameras is None else images.cameras
    return PoseSamples(
        skeleton=skeleton,
        image_names=images.names[shows],
        image_sizes=images.sizes[shows],
        image_ids=images.ids[shows],
        cameras=cameras[shows].astype(np.float32),
        image_tags={name: tag[shows].astype(np.int32) for name, tag in images.tags.items()},
        image_index=new_index[image_index[people]].astype(np.int32),
        boxes_xywh=boxes_xywh[people].astype(np.float32),
        keypoints_px=np.where(has_px[..., None], keypoints_px[people], 0).astype(np.float32),
        depth_mm=np.where(has_depth, depth_mm, 0).astype(np.float32),
        has_px=has_px,
        has_depth=has_depth,
        roots_mm=roots_mm.astype(np.float32),
    )
