"""What people look like: skin, hair and clothes put on a posed body, recoloured at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..data.synth import Split
from .body import Body, Posed
from .colors import cloth_rgb, hair_rgb, skin_rgb
from .folds import FOLDED_SHARE, random_folds
from .meshes import Geometry, Material, Mesh, Paint, Painted
from .sportswear import GLOVES_SHARE, ONE_COLOR_SHARE, in_one_color, with_gloves
from .textures import NUM_TEXTURES
from .wardrobe import Garment, Wardrobe
from .zones import body_zones

#: Share of people in a suit of the wardrobe; the others' clothes are painted on the body, which
#: gives bare arms and legs that the suits do not.
SUIT_SHARE = 0.6
SHOES_SHARE = 0.85
HAIR_SHARE = 0.92
HAT_SHARE = 0.08
EYES = Material(paint=Paint(tint=(0.09, 0.07, 0.06), amount=1.0), gloss=0.3)
#: A garment's vertices have the zone 1 where it is trousers or a skirt, and −1 elsewhere.
_LOWER_FROM = 0.0
_NO_PAINT = Paint()


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a person's look: a garment, or the body itself.

    Attributes:
        garment: None for the body.
        geometry: its triangles.
        material: its colours.
    """

    garment: Garment | None
    geometry: Geometry
    material: Material


class Dresser:
    """Dresses bodies from a wardrobe, or without one in paint alone."""

    def __init__(self, body: Body, wardrobe: Wardrobe | None, split: Split) -> None:
        self.body, self.wardrobe = body, wardrobe
        self._one_color_share, self._gloves_share = ONE_COLOR_SHARE[split], GLOVES_SHARE[split]
        self._folded_share = FOLDED_SHARE[split]
        rest = body.pose(body.random_shape(np.random.default_rng(0)), body.rest_rotations())
        self.zones = body_zones(rest.vertices_mm, rest.joints_mm)
        self._skins: dict[tuple[str, ...], Geometry] = {}
        self._garments: dict[str, Geometry] = {}
        eyes = body.eye_triangles
        self._eyes = Geometry.build("eyes", body.skin_triangles[eyes], body.skin_uv[eyes])

    def random_look(self, rng: np.random.Generator, posed: Posed) -> list[Piece]:
        """Choose what a person wears and the colours of everything."""
        traits = posed.shape.traits
        suit = shoes = hair = hat = None
        if self.wardrobe is not None:
            if rng.random() < SUIT_SHARE:
                suit = self._choose(rng, "clothes", female=traits.is_female)
            if rng.random() < SHOES_SHARE:
                shoes = self._choose(rng, "shoes", female=traits.is_female)
            if rng.random() < HAT_SHARE:
                hat = self._choose(rng, "hat", female=traits.is_female)
            elif rng.random() < HAIR_SHARE:
                hair = self._choose(rng, "hair", female=traits.is_female)
        hair_paint = Paint(tint=hair_rgb(rng, old=(traits.age - 2 / 3) * 3), amount=0.9)
        worn = [garment for garment in (suit, shoes, hair, hat) if garment is not None]
        painted = _random_paint(
            rng,
            has_suit=suit is not None,
            has_shoes=shoes is not None,
            # Under a hat too, so that it sits on no bald head.
            hair=hair_paint if self.wardrobe is None or hat is not None else _NO_PAINT,
            female=traits.is_female,
        )
        if self._gloves_share and rng.random() < self._gloves_share:
            painted = with_gloves(rng, painted)
        skin = self._skin_material(rng, painted, female=traits.is_female)
        pieces = [Piece(garment=None, geometry=self._skin_geometry(worn), material=skin)]
        if len(self._eyes.triangles):
            pieces.append(Piece(garment=None, geometry=self._eyes, material=EYES))
        for garment in worn:
            material = _garment_material(rng, garment, hair_paint)
            geometry = self._garment_geometry(garment)
            pieces.append(Piece(garment=garment, geometry=geometry, material=material))
        return self._varied(rng, pieces)

    def _varied(self, rng: np.random.Generator, pieces: list[Piece]) -> list[Piece]:
        """What people of training alone wear: one colour all over, and folds."""
        if self._one_color_share and rng.random() < self._one_color_share:
            pieces = [replace(p, material=in_one_color(rng, p.material)) for p in pieces]
        if self._folded_share and rng.random() < self._folded_share:
            pieces = [_with_folds(rng, piece) for piece in pieces]
        return pieces

    def meshes(self, pieces: list[Piece], posed: Posed, person: int) -> list[Mesh]:
        """The pieces on the posed body, in its frame."""
        return [
            Mesh(
                geometry=piece.geometry,
                vertices_mm=posed.vertices_mm
                if piece.garment is None
                else piece.garment.fit(posed),
                material=piece.material,
                person=person,
                casts_shadow=piece.geometry is not self._eyes,
            )
            for piece in pieces
        ]

    def _choose(self, rng: np.random.Generator, kind: str, *, female: bool) -> Garment | None:
        if self.wardrobe is None:
            return None
        own = "female" if female else "male"
        garments = [g for g in self.wardrobe.garments if g.kind == kind]
        fitting = [g for g in garments if g.gender in (None, own)]
        # Women wear what was made for men, and sometimes it is the other way round.
        any_gender = 0.12 if kind == "hair" else (0.3 if female else 0.03)
        if rng.random() < any_gender:
            fitting = garments
        return fitting[int(rng.integers(len(fitting)))] if fitting else None

    def _skin_material(
        self, rng: np.random.Generator, painted: Painted, *, female: bool
    ) -> Material:
        texture = None
        paint = Paint(tint=skin_rgb(rng), amount=1.0)
        if self.wardrobe is not None and self.wardrobe.skins:
            # "male" is part of "female" in the names of skins.
            skins = [s for s in self.wardrobe.skins if ("female" in s) == female]
            skins = skins or self.wardrobe.skins
            texture = f"asset:{skins[int(rng.integers(len(skins)))]}"
            paint = replace(paint, amount=float(rng.uniform(0, 0.8)))
        return Material(
            texture=texture, paint=paint, painted=painted, gloss=float(rng.uniform(0, 0.12))
        )

    def _skin_geometry(self, worn: list[Garment]) -> Geometry:
        key = tuple(sorted(g.name for g in worn if len(g.hidden_vertices)))
        if key not in self._skins:
            hidden = np.zeros(len(self.zones), bool)
            for garment in worn:
                hidden[garment.hidden_vertices] = True
            body = self.body
            shown = ~hidden[body.skin_triangles].all(axis=1) & ~body.eye_triangles
            self._skins[key] = Geometry.build(
                "skin " + " ".join(key), body.skin_triangles[shown], body.skin_uv[shown], self.zones
            )
        return self._skins[key]

    def _garment_geometry(self, garment: Garment) -> Geometry:
        if garment.name not in self._garments:
            zones = np.zeros((len(garment.base_vertices), 2), np.float32)
            down = self.zones[garment.base_vertices[:, 0], 1]
            zones[:, 1] = np.where(lower_part(garment.triangles, down), 1.0, -1.0)
            self._garments[garment.name] = Geometry.build(
                garment.name, garment.triangles, garment.uv, zones
            )
        return self._garments[garment.name]


def lower_part(triangles: NDArray[np.integer], down: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(G,) which vertices of a suit are trousers, shorts or a skirt.

    Told by the pieces that hang together: those that lie low and reach below the hips. A suit in
    one piece is parted at the waist.

    Args:
        triangles: (F, 3) of G vertices.
        down: (G,) their zone along trunk and legs.
    """
    piece = np.arange(len(down))
    while True:
        least = piece[triangles].min(axis=1)
        merged = piece.copy()
        np.minimum.at(merged, triangles.reshape(-1), np.repeat(least, 3))
        merged = merged[merged]
        if (merged == piece).all():
            break
        piece = merged
    is_lower = np.zeros(len(down), bool)
    for number in np.unique(piece):
        own = piece == number
        low, high, mean = down[own].min(), down[own].max(), down[own].mean()
        if low < -0.9 and high > 0.8 and mean > -0.1:
            is_lower |= own & (down > -0.08)
        elif mean > -0.25 and high > 0.15:
            is_lower |= own
    return is_lower


def _random_cloth(
    rng: np.random.Generator, *, amount: float = 1.0, scale: float = 8.0, patterns: float = 0.35
) -> Paint:
    """A colour and, in a share ``patterns`` of cases, a pattern of a second one."""
    kinds = np.array([1 - patterns, *(patterns * np.array([0.4, 0.2, 0.25, 0.15]))])
    pattern = int(rng.choice(5, p=kinds))
    return Paint(
        tint=cloth_rgb(rng),
        amount=amount,
        pattern=pattern,
        pattern_rgb=cloth_rgb(rng),
        pattern_scale=float(scale * rng.uniform(0.5, 3)),
    )


def _random_paint(
    rng: np.random.Generator, *, has_suit: bool, has_shoes: bool, hair: Paint, female: bool
) -> Painted:
    """Clothes by zones: shirts and shorts of any length, swimwear, sportswear."""
    swims = rng.random() < 0.12
    sleeve = float(rng.choice([-0.1, rng.uniform(0.15, 0.45), rng.uniform(0.8, 1.0)]))
    cuff = float(rng.choice([rng.uniform(0.08, 0.45), rng.uniform(0.5, 0.8), 0.97]))
    hem, waist = float(rng.uniform(-0.35, 0.06)), float(rng.uniform(-0.32, -0.15))
    collar = float(rng.uniform(-1.08, -0.85))
    if swims:
        sleeve, cuff, collar = -0.1, float(rng.uniform(0.04, 0.12)), -0.8
        hem = float(rng.uniform(-0.55, -0.45)) if female else -2.0
    elif female and rng.random() < 0.2:  # belly free
        hem = float(rng.uniform(-0.5, -0.4))
    loose = 0.0 if swims else float(rng.uniform(0, 14))
    return Painted(
        top=_random_cloth(rng),
        bottom=_random_cloth(rng, patterns=0.12),
        shoes=_random_cloth(rng, patterns=0.0),
        hair=hair,
        collar=collar,
        hem=-2.0 if has_suit else hem,
        sleeve=-0.1 if has_suit else sleeve,
        waist=3.0 if has_suit else waist,
        cuff=cuff,
        shoe=2.0 if has_shoes or rng.random() < 0.4 else float(rng.uniform(0.93, 1.06)),
        loose_top_mm=loose,
        loose_bottom_mm=0.0 if swims or rng.random() < 0.3 else float(rng.uniform(0, 16)),
    )


def _with_folds(rng: np.random.Generator, piece: Piece) -> Piece:
    """The piece with folds where it is cloth: suits, and what is painted on the body."""
    is_cloth = piece.garment.kind == "clothes" if piece.garment else piece.material.painted
    if not is_cloth:
        return piece
    return replace(piece, material=replace(piece.material, folds=random_folds(rng)))


def _garment_material(rng: np.random.Generator, garment: Garment, hair: Paint) -> Material:
    texture = None if garment.texture is None else f"asset:{garment.texture}"
    if garment.kind == "hair":
        if texture is None:
            return Material(texture="surface:4", uv_scale=6.0, paint=hair, gloss=0.15)
        return Material(texture=texture, paint=hair, gloss=0.25, cut_alpha=True)
    if texture is None:  # plain white would show the folds alone
        amount, texture = 1.0, f"surface:{int(rng.integers(NUM_TEXTURES))}"
        return Material(
            texture=texture if rng.random() < 0.5 else None,
            uv_scale=float(rng.uniform(2, 8)),
            paint=_random_cloth(rng, scale=10),
            lower_paint=_random_cloth(rng, scale=10, patterns=0.12),
            lower_from=_LOWER_FROM,
            gloss=float(rng.uniform(0, 0.1)),
        )
    # Most shoes keep their own colours, suits seldom: there are few of them.
    keeps_own = rng.random() < (0.5 if garment.kind == "shoes" else 0.15)
    amount = 0.0 if keeps_own else float(rng.uniform(0.75, 1.0))
    top_patterns, lower_patterns = (0.0, 0.0) if garment.kind == "shoes" else (0.35, 0.12)
    paint = _random_cloth(rng, amount=amount, scale=12, patterns=top_patterns)
    lower = _random_cloth(rng, amount=amount, scale=12, patterns=lower_patterns)
    if amount == 0:
        paint = lower = _NO_PAINT
    return Material(
        texture=texture,
        paint=paint,
        lower_paint=lower,
        lower_from=_LOWER_FROM,
        gloss=float(rng.uniform(0, 0.3 if garment.kind == "shoes" else 0.08)),
    )
