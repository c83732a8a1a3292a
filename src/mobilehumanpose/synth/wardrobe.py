"""Clothes, shoes, hats, hair and skins of MakeHuman, fitted to any body in any pose.

A garment is an ``.obj`` mesh and a ``.mhclo`` file that ties each of its vertices to three
vertices of the base mesh hm08: weights that add up to about one, and an offset that grows with the
body along each axis. The fit is made to the body at rest, as in MakeHuman, and then follows the
pose by the transforms of those three vertices.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..errors import UserError
from .assets import AssetFiles
from .body import Posed, Shape, apply_transforms

Kind = Literal["clothes", "shoes", "hat", "hair"]

#: Of hm08, helpers included; indices in ``.mhclo`` files are below.
BODY_VERTICES = 19158
TEXTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
#: MakeHuman: x to the person's left, y up, z to the front. Here: y down, z to the back.
_TO_BODY_FRAME = np.array([1, -1, -1], np.float32)
#: Scale lines of a ``.mhclo`` and the axis of each.
_SCALES = {"x_scale": 0, "y_scale": 1, "z_scale": 2}


@dataclass(frozen=True, kw_only=True)
class Garment:
    """Something to wear.

    Attributes:
        name: as its file calls it, unique in a wardrobe.
        kind: what it is.
        gender: whom its maker meant it for, ``"female"`` or ``"male"``; None for anyone.
        triangles: (F, 3) int32 indices of its G vertices, counter-clockwise seen from outside.
        uv: (F, 3, 2) float32, u to the right and v down from the texture's upper left corner.
        texture: name for :meth:`Wardrobe.texture`; None where the folder holds no picture.
        hidden_vertices: (N,) int32 vertices of the body that it covers, not to be drawn.
        z_depth: garments of greater depth are worn over those of less.
        base_vertices: (G, 3) int32 vertices of hm08 that each vertex hangs on.
        base_weights: (G, 3) float32.
        offsets: (G, 3) float32 along the body frame's axes, in the units of ``scales``.
        scales: of each axis, two vertices of hm08 and the distance between them, along this axis,
            that stands for an offset of one.
    """

    name: str
    kind: Kind
    gender: Literal["female", "male"] | None
    triangles: NDArray[np.int32]
    uv: NDArray[np.float32]
    texture: str | None
    hidden_vertices: NDArray[np.int32]
    z_depth: int
    base_vertices: NDArray[np.int32]
    base_weights: NDArray[np.float32]
    offsets: NDArray[np.float32]
    scales: tuple[tuple[int, int, float], ...]

    def fit_at_rest(self, shape: Shape) -> NDArray[np.float32]:
        """(G, 3) its vertices in mm on this body at rest."""
        body_mm = shape.vertices_mm
        unit_mm = np.array(
            [abs(body_mm[a, i] - body_mm[b, i]) / size for i, (a, b, size) in
             enumerate(self.scales)], np.float32
        )  # fmt: skip
        bases_mm = np.take(body_mm, self.base_vertices, axis=0)
        fitted: NDArray[np.float32] = np.einsum("gk,gki->gi", self.base_weights, bases_mm)
        return fitted + self.offsets * unit_mm

    def fit(self, posed: Posed) -> NDArray[np.float32]:
        """(G, 3) its vertices in mm on a posed body, in the same frame."""
        # Vertices may lie outside their triangle, transforms must not: no negative shares.
        shares = self.base_weights.clip(0)
        shares = shares / shares.sum(axis=1, keepdims=True)
        transforms = np.zeros((len(shares), 3, 4), np.float32)
        for corner in range(3):
            # np.take is several times as fast as indexing.
            corners = np.take(posed.vertex_transforms, self.base_vertices[:, corner], axis=0)
            corners *= shares[:, corner, None, None]
            transforms += corners
        return apply_transforms(transforms, self.fit_at_rest(posed.shape))


@dataclass(frozen=True, kw_only=True)
class Wardrobe:
    """What there is to wear, and skins.

    Attributes:
        garments: all of them, by name.
        skins: names of skin pictures for :meth:`texture`, laid out as ``Body.skin_uv`` is.
    """

    garments: list[Garment]
    skins: list[str]
    _assets: AssetFiles = field(repr=False)

    @classmethod
    def load(cls, assets: Path) -> Wardrobe:
        """Read MakeHuman's folders ``clothes``, ``hair`` and ``skins``, or a zip of them.

        Raises:
            UserError: the folder is absent or holds no garment, or a file in it is malformed.
        """
        files = AssetFiles(assets)
        garments = [_read_garment(files, name) for name in files.names if name.endswith(".mhclo")]
        if not garments:
            raise UserError(f"{assets}: holds no garment (.mhclo); MakeHuman's CC0 assets do")
        skins = [
            name
            for name in files.names
            if "skins" in PurePosixPath(name).parts[:-1] and name.lower().endswith(TEXTURE_SUFFIXES)
        ]
        return cls(garments=sorted(garments, key=lambda g: g.name), skins=skins, _assets=files)

    def texture(self, name: str) -> NDArray[np.uint8]:
        """(H, W, 3) RGB or (H, W, 4) RGBA picture of a skin or of a garment.

        Raises:
            UserError: it cannot be read as a picture.
        """
        try:
            with Image.open(io.BytesIO(self._assets.read(name)), formats=("PNG", "JPEG")) as image:
                has_alpha = "A" in image.getbands() or "transparency" in image.info
                return np.array(image.convert("RGBA" if has_alpha else "RGB"))
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"{self._assets.root}: {name}: damaged picture: {error}") from None


def _read_garment(assets: AssetFiles, name: str) -> Garment:
    where = f"{assets.root}: {name}"
    try:
        return _parse_garment(assets, name)
    except (ValueError, IndexError, KeyError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{where}: not a garment for hm08: {error}") from None


def _parse_garment(assets: AssetFiles, name: str) -> Garment:
    folder = PurePosixPath(name).parent
    header: dict[str, list[str]] = {}
    tags: set[str] = set()
    bases: list[list[float]] = []
    hidden: list[str] = []
    section = ""
    for words in assets.lines(name):
        if words[0] in ("verts", "delete_verts"):
            section = words[0]
        elif re.fullmatch(r"[-\d.].*", words[0]):
            if section == "verts":
                bases.append([float(word) for word in words])
            else:
                hidden += words
        elif words[0] == "tag":
            tags.add(words[-1].lower())
        else:
            header[words[0]] = words[1:]
    if header.get("basemesh", ["hm08"]) != ["hm08"]:
        raise UserError(f"{assets.root}: {name}: basemesh {header['basemesh'][0]}; hm08 is needed")

    # A line of one number is a vertex of the body itself, without offset.
    rows = np.array([b if len(b) == 9 else [b[0], b[0], b[0], 1, 0, 0, 0, 0, 0] for b in bases])
    if rows.size and not 0 <= rows[:, :3].min() <= rows[:, :3].max() < BODY_VERTICES:
        raise ValueError(f"a vertex hangs on one that hm08 lacks; it has {BODY_VERTICES}")
    triangles, uv, count = _read_obj(assets, str(folder / header["obj_file"][0]))
    if count != len(rows):
        raise ValueError(f"{len(rows)} vertices, but {count} in its mesh")
    scales = [(0, 0, 1.0)] * 3
    for key, axis in _SCALES.items():
        first, second, size = header[key]
        scales[axis] = int(first), int(second), float(size)
    label = " ".join(header["name"])
    return Garment(
        name=label,
        kind=_kind(name, tags),
        gender=_gender(label.lower(), tags),
        triangles=triangles,
        uv=uv,
        texture=_texture_name(assets, folder, header.get("material", [])),
        hidden_vertices=_parse_ranges(hidden),
        z_depth=int(header.get("z_depth", ["50"])[0]),
        base_vertices=rows[:, :3].astype(np.int32),
        base_weights=rows[:, 3:6].astype(np.float32),
        offsets=rows[:, 6:9].astype(np.float32) * _TO_BODY_FRAME,
        scales=tuple(scales),
    )


def _read_obj(
    assets: AssetFiles, name: str
) -> tuple[NDArray[np.int32], NDArray[np.float32], int]:  # fmt: skip
    """Triangles, their texture coordinates and the number of vertices of an ``.obj``."""
    vertices = 0
    uv: list[list[float]] = []
    corners: list[list[list[str]]] = []
    for words in assets.lines(name):
        if words[0] == "v":
            vertices += 1
        elif words[0] == "vt":
            uv.append([float(words[1]), 1 - float(words[2])])
        elif words[0] == "f":
            first, *others = (word.split("/") for word in words[1:])
            corners += [[first, *pair] for pair in pairwise(others)]
    triangles = np.array([[int(c[0]) for c in t] for t in corners], np.int32) - 1
    picture = np.array([[int(c[1]) for c in t] for t in corners], np.int32) - 1
    if triangles.min() < 0 or triangles.max() >= vertices or picture.min() < 0:
        raise UserError(f"{assets.root}: {name}: a face names a vertex that is not there")
    # Some quads are triangles with a corner twice.
    is_real = (triangles != np.roll(triangles, 1, axis=1)).all(axis=1)
    return triangles[is_real], np.array(uv, np.float32)[picture[is_real]], vertices


def _parse_ranges(words: list[str]) -> NDArray[np.int32]:
    """The numbers of ``12 15 - 17 30``: 12, 15, 16, 17 and 30."""
    numbers: list[int] = []
    is_range = False
    for word in words:
        if word == "-":
            is_range = True
            continue
        first = numbers[-1] + 1 if is_range else int(word)
        numbers += range(first, int(word) + 1)
        is_range = False
    return np.unique(np.array(numbers, np.int32))


def _kind(name: str, tags: set[str]) -> Kind:
    if "hair" in PurePosixPath(name).parts[:-1]:
        return "hair"
    if "shoes" in tags:
        return "shoes"
    return "hat" if "hats" in tags else "clothes"


def _gender(label: str, tags: set[str]) -> Literal["female", "male"] | None:
    if "female" in tags or label.startswith("female"):
        return "female"
    return "male" if "male" in tags or label.startswith("male") else None


def _texture_name(assets: AssetFiles, folder: PurePosixPath, material: list[str]) -> str | None:
    """The diffuse picture that a garment's material names, whatever its suffix is by now."""
    known = set(assets.names)
    material_name = str(folder / " ".join(material))
    if material_name not in known:
        return None
    for words in assets.lines(material_name):
        if words[0] == "diffuseTexture":
            stem = (folder / " ".join(words[1:])).with_suffix("")
            names = [f"{stem}{suffix}" for suffix in TEXTURE_SUFFIXES]
            return next((name for name in names if name in known), None)
    return None
