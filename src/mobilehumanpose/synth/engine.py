"""From a seed and a number to a finished picture with labels, always the same one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.synth import SPLITS, Split, is_worth_training
from ..errors import UserError
from .backgrounds import Backgrounds, shrunk
from .body import Body
from .crevices import SHADED_SHARE, random_shade
from .labels import label_person
from .looks import Dresser
from .photograph import encode, take_photograph
from .poses import PoseLibrary
from .render import Renderer
from .scene import DrawPose, Scene, SceneMaker
from .textures import procedural_texture
from .wardrobe import Wardrobe

#: More of a skin or a garment than a person of 300 px can show.
MAX_ASSET_PX = 512
#: Drawn pixels per finished one, along each side: edges are averaged.
SUPERSAMPLING = 1.2
#: A scene that shows too little of its main person is drawn anew, at most so often.
MAX_ATTEMPTS = 50


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What pictures are made from.

    Attributes:
        motion: zip file of motion capture.
        assets: MakeHuman's wardrobe, a folder or a zip; None for painted clothes alone.
        backgrounds: folder of pictures and panoramas; None for drawn ones alone.
        cache: folder for what takes long to prepare; None for the user's.
    """

    motion: Path
    assets: Path | None = None
    backgrounds: Path | None = None
    cache: Path | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The sources by their file names, to tell sets apart that were made from others."""
        return tuple(
            path.name if path is not None else ""
            for path in (self.motion, self.assets, self.backgrounds)
        )


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A finished picture.

    Attributes:
        jpeg: its file.
        image: COCO's record of it without id and file name; ``f`` and ``c`` are its camera.
        people: COCO's annotations without ids, the main person first.
    """

    jpeg: bytes
    image: dict[str, Any]
    people: list[dict[str, Any]]


class Engine:
    """Makes pictures; each process has its own."""

    def __init__(self, maker: SceneMaker, renderer: Renderer, seed: int, split: Split) -> None:
        self.maker, self.renderer = maker, renderer
        self.seed, self.split = seed, split

    @classmethod
    def open(cls, sources: Sources, seed: int, split: Split) -> Engine:
        """Load everything.

        Raises:
            UserError: a source is missing or damaged, or pictures cannot be rendered here.
        """
        if not sources.motion.is_file():  # told before anything that takes long
            raise UserError(f"{sources.motion}: no such file of motion capture")
        wardrobe = None if sources.assets is None else Wardrobe.load(sources.assets)
        backgrounds = Backgrounds(sources.backgrounds)
        renderer = Renderer(TextureLoader(wardrobe, backgrounds))
        body = Body.load(sources.cache)
        library = PoseLibrary.load(sources.motion, body, sources.cache)

        def draw_pose(rng: np.random.Generator) -> NDArray[np.floating]:
            return library.draw(rng, split)

        return cls.from_parts(body, draw_pose, wardrobe, backgrounds, renderer, seed, split)

    @classmethod
    def from_parts(
        cls,
        body: Body,
        draw_pose: DrawPose,
        wardrobe: Wardrobe | None,
        backgrounds: Backgrounds,
        renderer: Renderer,
        seed: int,
        split: Split,
    ) -> Engine:
        """An engine of loaded parts."""
        maker = SceneMaker(body, draw_pose, Dresser(body, wardrobe, split), backgrounds, split)
        return cls(maker, renderer, seed, split)

    def close(self) -> None:
        """Free the renderer."""
        self.renderer.close()

    def make(self, index: int) -> Picture:
        """The picture of that number: the same for the same seed, split and sources.

        Raises:
            UserError: no scene with a person in sight was found.
        """
        for attempt in range(MAX_ATTEMPTS):
            rng = np.random.default_rng((self.seed, SPLITS.index(self.split), index, attempt))
            scene = self.maker.random_scene(rng)
            picture = None if scene is None else self._shoot(rng, scene)
            if picture is not None:
                return picture
        raise UserError(
            f"picture {index} of seed {self.seed}: nobody in sight in {MAX_ATTEMPTS} scenes"
        )

    def _shoot(self, rng: np.random.Generator, scene: Scene) -> Picture | None:
        meshes = [mesh for person in scene.people for mesh in person.meshes]
        rendered = self.renderer.render(
            scene.view,
            meshes + scene.surroundings.meshes,
            scene.surroundings.light,
            scene.surroundings.backdrop,
            contacts=scene.contacts,
            scale=SUPERSAMPLING,
        )
        people = [
            label_person(person, number, scene.view, rendered)
            for number, person in enumerate(scene.people, start=1)
        ]
        if people[0] is None or not is_worth_training(people[0]["keypoints"][2::3]):
            return None
        camera, (width, height) = scene.view.camera, scene.view.size
        rgb = rendered.rgb
        light = random_shade(rng, rendered.depth_mm, SHADED_SHARE[self.split])
        if light is not None:  # a display's gamma of 2, as in the shaders
            rgb = (rgb * np.sqrt(light)[..., None]).astype(np.uint8)
        photograph = take_photograph(rng, rgb, (width, height))
        return Picture(
            jpeg=encode(rng, photograph),
            image={
                "width": width,
                "height": height,
                "f": [round(value, 3) for value in camera.focal_px],
                "c": [round(value, 3) for value in camera.center_px],
                "surroundings": scene.surroundings.kind,
            },
            people=[person for person in people if person is not None],
        )


class TextureLoader:
    """Pictures by the names that materials and backdrops give them."""

    def __init__(self, wardrobe: Wardrobe | None, backgrounds: Backgrounds) -> None:
        self.wardrobe, self.backgrounds = wardrobe, backgrounds

    def __call__(self, name: str) -> NDArray[np.uint8]:
        """(H, W, 3 or 4) of ``surface:``, ``asset:``, ``picture:`` or ``panorama:`` and a name.

        Raises:
            UserError: its file is damaged.
        """
        kind, _, rest = name.partition(":")
        if kind == "surface":
            return procedural_texture(int(rest))
        if kind == "picture":
            return self.backgrounds.picture(rest)
        if kind == "panorama":
            return self.backgrounds.panorama(rest)
        if kind == "asset" and self.wardrobe is not None:
            return shrunk(self.wardrobe.texture(rest), MAX_ASSET_PX)
        raise ValueError(f"no texture {name!r}")
