"""Meshes to pixels, with OpenGL and no screen: EGL, on a processor as well as on a GPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from . import shaders
from .folds import SLOPE_RANGE, VOLUME_CELLS, folds_volume
from .meshes import NO_LOWER_PART, Geometry, Material, Mesh, Paint, Painted, quad_geometry
from .viewing import FAR_MM, NEAR_MM, Backdrop, Light, Rendered, View, camera_matrix, light_matrix

SHADOW_PX = 512
MAX_CONTACTS = 16
#: Where the folds' texture is bound: 0 is the surface's, 1 the shadow's.
_FOLDS_UNIT = 2
#: moderngl's own annotation of this argument is wrong.
_EGL: dict[str, Any] = {"backend": "egl"}
#: How far shadows on the ground of a backdrop reach.
GROUND_MM = 15_000.0

#: (H, W, 3 or 4) uint8 RGB or RGBA by the texture's name.
LoadTexture = Callable[[str], NDArray[np.uint8]]


class Renderer:
    """An OpenGL context with the textures and geometries that it has seen so far."""

    def __init__(self, load_texture: LoadTexture) -> None:
        """Open the context.

        Raises:
            UserError: there is no EGL or no OpenGL 3.3 on this machine.
        """
        # Rows of pixels on one thread: the workers share the processor already.
        os.environ.setdefault("LP_NUM_THREADS", "0")
        try:
            self._gl = moderngl.create_context(standalone=True, require=330, **_EGL)
        except Exception as error:  # noqa: BLE001  moderngl raises bare Exceptions
            raise UserError(
                f"no OpenGL without a screen here ({error}); on Debian and Ubuntu: "
                "apt-get install libegl1 libgl1-mesa-dri"
            ) from None
        self._load_texture = load_texture
        self._textures: dict[str | None, tuple[moderngl.Texture, NDArray[np.float32]]] = {}
        self._static: dict[str, tuple[moderngl.Buffer, moderngl.Buffer]] = {}
        self._moving: dict[tuple[str, int], dict[str, moderngl.VertexArray]] = {}
        self._buffers: dict[tuple[str, int], moderngl.Buffer] = {}
        self._targets: dict[tuple[int, int], _Target] = {}
        # Triangles are counter-clockwise seen from outside, and pictures drawn upside down.
        self._gl.front_face = "cw"
        self._programs = {
            **{
                name: self._program(shaders.VERTEX, shaders.variant(shaders.SURFACE_FRAGMENT, name))
                for name in shaders.VARIANTS
            },
            "catcher": self._program(shaders.VERTEX, shaders.CATCHER_FRAGMENT),
            "shadow": self._program(shaders.VERTEX, shaders.SHADOW_FRAGMENT),
        }
        self._backdrop = self._program(shaders.BACKDROP_VERTEX, shaders.BACKDROP_FRAGMENT)
        corners = np.array([[-1, -1], [3, -1], [-1, 3]], np.float32)
        self._backdrop_vao = self._gl.vertex_array(
            self._backdrop, [(self._gl.buffer(corners.tobytes()), "2f", "in_corner")]
        )
        self._shadow_map = self._gl.depth_texture((SHADOW_PX, SHADOW_PX))
        self._shadow_map.compare_func = "<="
        self._shadow_map.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self._shadow_map.repeat_x = self._shadow_map.repeat_y = False
        self._shadow_target = self._gl.framebuffer(depth_attachment=self._shadow_map)
        self._folds = self._gl.texture3d((VOLUME_CELLS,) * 3, 3, folds_volume().tobytes())
        self._folds.filter = (moderngl.LINEAR, moderngl.LINEAR)
        for name in shaders.VARIANTS:
            _set(self._programs[name], "folds", _FOLDS_UNIT)
            _set(self._programs[name], "folds_range", SLOPE_RANGE)
        self._ground, self._ground_vertices = quad_geometry()

    def _program(self, vertex: str, fragment: str) -> moderngl.Program:
        return self._gl.program(vertex_shader=vertex, fragment_shader=fragment)

    def close(self) -> None:
        """Free the context and all that it holds."""
        self._gl.release()

    def render(
        self,
        view: View,
        meshes: Sequence[Mesh],
        light: Light,
        backdrop: Backdrop,
        *,
        contacts: NDArray[np.floating] | None = None,
        scale: float = 1.0,
    ) -> Rendered:
        """Draw a picture.

        Args:
            view: the camera.
            meshes: in world space.
            light: on them.
            backdrop: behind them.
            contacts: (K, 4) x, z, radius in mm and strength of where bodies come near the ground.
            scale: pixels that are drawn per pixel of the view; more than 1 to average over later.
        """
        size = (round(view.size[0] * scale), round(view.size[1] * scale))
        target = self._target(size)
        arrays = [self._upload(mesh, slot) for mesh, slot in _slots(meshes)]
        to_light = light_matrix(meshes, light)
        self._draw_shadows(meshes, arrays, to_light)
        self._set_light(light, to_light, contacts)
        camera = camera_matrix(view)
        target.both.use()
        self._gl.clear(0, 0, 0, 0, depth=1.0)
        self._gl.disable(moderngl.DEPTH_TEST | moderngl.BLEND)
        self._draw_backdrop(view, backdrop)
        self._gl.enable(moderngl.DEPTH_TEST)
        if backdrop.catches_shadows and view.position_mm[1] < 0:
            self._draw_catcher(target, camera)
            target.both.use()
        for name in shaders.VARIANTS:
            _write(self._programs[name], "camera", camera.T)
            _set(self._programs[name], "eye", view.position_mm)
            _set(self._programs[name], "exposure", light.exposure)
        for mesh, array in zip(meshes, arrays, strict=True):
            name = _variant(mesh.material)
            self._set_material(self._programs[name], mesh)
            self._cull(name)
            array[name].render()
        self._gl.disable(moderngl.CULL_FACE)
        return target.read(scale)

    def _draw_backdrop(self, view: View, backdrop: Backdrop) -> None:
        program = self._backdrop
        kinds = {"picture": 0, "panorama": 1, "sky": 2}
        self._use_texture(backdrop.texture)
        (fx, fy), (cx, cy) = view.camera.focal_px, view.camera.center_px
        width, height = view.size
        # x px = at · width − ½: pixel centres are whole numbers.
        to_ray = np.array(
            [[width / fx, 0, -(cx + 0.5) / fx], [0, height / fy, -(cy + 0.5) / fy], [0, 0, 1]]
        )
        _set(program, "kind", kinds[backdrop.kind])
        _set(program, "window", backdrop.window)
        _set(program, "blur_lod", backdrop.blur_lod)
        _set(program, "gain", backdrop.gain)
        _write(program, "ray_from_px", (view.rotation.T @ to_ray).T)
        _set(program, "yaw", backdrop.yaw)
        _set(program, "eye_height_mm", -view.position_mm[1])
        _set(program, "sky_rgb", backdrop.sky_rgb)
        _set(program, "horizon_rgb", backdrop.horizon_rgb)
        self._backdrop_vao.render(moderngl.TRIANGLES, vertices=3)

    def _draw_catcher(self, target: _Target, camera: NDArray[np.float64]) -> None:
        target.color_only.use()
        vertices = (self._ground_vertices - [0.5, 0.5, 0]) * 2 * GROUND_MM
        mesh = Mesh(
            geometry=self._ground,
            vertices_mm=vertices[:, [0, 2, 1]].astype(np.float32),
            material=Material(),
        )
        program = self._programs["catcher"]
        _write(program, "camera", camera.T)
        _set(program, "fade_mm", GROUND_MM)
        self._gl.enable(moderngl.BLEND)
        self._gl.blend_func = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA
        target.color_only.depth_mask = False
        self._upload(mesh, -1)["catcher"].render()
        target.color_only.depth_mask = True
        self._gl.disable(moderngl.BLEND)

    def _draw_shadows(
        self,
        meshes: Sequence[Mesh],
        arrays: Sequence[dict[str, moderngl.VertexArray]],
        to_light: NDArray[np.float64],
    ) -> None:
        self._shadow_target.use()
        self._shadow_target.clear(depth=1.0)
        self._gl.enable(moderngl.DEPTH_TEST)
        program = self._programs["shadow"]
        _write(program, "camera", to_light.T)
        for mesh, array in zip(meshes, arrays, strict=True):
            if mesh.casts_shadow:
                _set(program, "cut_alpha", mesh.material.cut_alpha)
                self._set_painted(program, mesh.material.painted)
                if mesh.material.cut_alpha:
                    self._use_texture(mesh.material.texture)
                self._cull(_variant(mesh.material))
                array["shadow"].render()
        self._gl.disable(moderngl.CULL_FACE)

    def _cull(self, variant: str) -> None:
        """Leave out the half of a closed body that is turned away; cloth has two sides."""
        if variant == "skin":
            self._gl.enable(moderngl.CULL_FACE)
        else:
            self._gl.disable(moderngl.CULL_FACE)

    def _set_light(
        self, light: Light, matrix: NDArray[np.float64], contacts: NDArray[np.floating] | None
    ) -> None:
        padded = np.zeros((MAX_CONTACTS, 4), np.float32)
        count = 0 if contacts is None else min(len(contacts), MAX_CONTACTS)
        if contacts is not None:
            padded[:count] = contacts[:count]
            padded[count:, 2] = 1
        self._shadow_map.use(1)
        self._folds.use(_FOLDS_UNIT)
        for name in (*shaders.VARIANTS, "catcher"):
            program = self._programs[name]
            _write(program, "light", matrix.T)
            _set(program, "shadow", 1)
            for field in ("to_sun", "sun_rgb", "sky_rgb", "ground_rgb"):
                _set(program, field, getattr(light, field))
            _set(program, "num_contacts", count)
            _write_array(program, "contacts", padded)

    def _set_material(self, program: moderngl.Program, mesh: Mesh) -> None:
        material = mesh.material
        _set(program, "surface_mean", self._use_texture(material.texture))
        _set(program, "uv_scale", material.uv_scale)
        _set(program, "gloss", material.gloss)
        _set(program, "person", float(mesh.person))
        _set(program, "folds_mm", material.folds.height_mm)
        _write(program, "folds_per_mm", material.folds.per_mm.T)
        _set(program, "folds_shift", material.folds.shift)
        _set(program, "lower_from", material.lower_from)
        paints = [material.paint, material.lower_paint]
        self._set_painted(program, material.painted)
        if material.painted is not None:
            p = material.painted
            paints += [p.top, p.bottom, p.shoes, p.hair, p.gloves]
        paints += [Paint()] * (7 - len(paints))
        _write_array(program, "tint", np.array([(*p.tint, p.amount) for p in paints], np.float32))
        _write_array(
            program,
            "pattern_rgb",
            np.array([(*p.pattern_rgb, p.pattern) for p in paints], np.float32),
        )
        _write_array(
            program, "pattern_scale", np.array([p.pattern_scale for p in paints], np.float32)
        )

    @staticmethod
    def _set_painted(program: moderngl.Program, painted: Painted | None) -> None:
        _set(program, "is_painted", painted is not None)
        if painted is not None:
            p = painted
            _set(program, "top_reach", (p.collar, p.hem, p.sleeve, p.loose_top_mm))
            _set(program, "bottom_reach", (p.waist, p.cuff, p.shoe, p.loose_bottom_mm))
            _set(program, "glove_reach", (p.glove, p.loose_gloves_mm))

    def _use_texture(self, name: str | None) -> NDArray[np.float32]:
        """Bind a texture, loading it at its first use; its mean in linear RGB."""
        if name not in self._textures:
            pixels = np.full((1, 1, 3), 255, np.uint8) if name is None else self._load_texture(name)
            channels = pixels.shape[2]
            texture = self._gl.texture(
                (pixels.shape[1], pixels.shape[0]),
                channels,
                np.ascontiguousarray(pixels).tobytes(),
                alignment=1,
            )
            texture.build_mipmaps()
            texture.filter = (moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR)
            self._textures[name] = texture, _mean_rgb(pixels)
        texture, mean = self._textures[name]
        texture.use(0)
        return mean

    def _upload(self, mesh: Mesh, slot: int) -> dict[str, moderngl.VertexArray]:
        geometry, key = mesh.geometry, (mesh.geometry.key, slot)
        data = geometry.corners(mesh.vertices_mm)
        if key not in self._moving:
            fixed, index = self._upload_geometry(geometry)
            moving = self._buffers[key] = self._gl.buffer(reserve=data.nbytes, dynamic=True)
            self._moving[key] = {
                name: self._gl.vertex_array(
                    program,
                    [
                        *_used(program, moving, "3f 3f", "in_position", "in_normal"),
                        *_used(program, fixed, "2f 2f", "in_uv", "in_zone"),
                    ],
                    index,
                )
                for name, program in self._programs.items()
            }
        self._buffers[key].write(data)
        return self._moving[key]

    def _upload_geometry(self, geometry: Geometry) -> tuple[moderngl.Buffer, moderngl.Buffer]:
        if geometry.key not in self._static:
            fixed = np.concatenate([geometry.uv, geometry.zones], axis=1)
            self._static[geometry.key] = (
                self._gl.buffer(np.ascontiguousarray(fixed, np.float32).tobytes()),
                self._gl.buffer(np.ascontiguousarray(geometry.triangles, np.int32).tobytes()),
            )
        return self._static[geometry.key]

    def _target(self, size: tuple[int, int]) -> _Target:
        if size not in self._targets:
            if len(self._targets) > 8:  # pictures come in many sizes
                self._targets.pop(next(iter(self._targets))).release()
            self._targets[size] = _Target(self._gl, size)
        return self._targets[size]


class _Target:
    """What is drawn into: colours, persons and depth of one size."""

    def __init__(self, gl: moderngl.Context, size: tuple[int, int]) -> None:
        self.size = size
        self.color = gl.renderbuffer(size, 4)
        self.who = gl.renderbuffer(size, 1)
        self.depth = gl.depth_texture(size)
        self.both = gl.framebuffer([self.color, self.who], self.depth)
        self.color_only = gl.framebuffer([self.color], self.depth)

    def read(self, scale: float) -> Rendered:
        shape = (self.size[1], self.size[0])
        # Rows come from the bottom of OpenGL's picture, which is drawn upside down.
        rgb = np.frombuffer(self.both.read(components=3, alignment=1), np.uint8)
        who = np.frombuffer(self.both.read(attachment=1, components=1, alignment=1), np.uint8)
        depth = np.frombuffer(self.depth.read(alignment=1), np.float32).reshape(shape)
        depth_mm = 2 * FAR_MM * NEAR_MM / (FAR_MM + NEAR_MM - (2 * depth - 1) * (FAR_MM - NEAR_MM))
        return Rendered(
            rgb=rgb.reshape(*shape, 3),
            depth_mm=depth_mm,
            person=who.reshape(shape),
            scale=scale,
        )

    def release(self) -> None:
        for item in (self.both, self.color_only, self.color, self.who, self.depth):
            item.release()


def _variant(material: Material) -> str:
    """The name in ``shaders.VARIANTS`` of the program that draws a material."""
    if material.painted is not None:
        return "skin"
    if material.cut_alpha:
        return "hair"
    return "garment" if material.lower_from < NO_LOWER_PART else "plain"


def _used(
    program: moderngl.Program, buffer: moderngl.Buffer, layout: str, *names: str
) -> list[tuple[object, ...]]:
    """The buffer with its layout and names; what the compiler dropped is skipped over."""
    parts, found = [], []
    for part, name in zip(layout.split(), names, strict=True):
        is_used = name in program
        parts.append(part if is_used else f"{int(part[0]) * 4}x")
        found += [name] * is_used
    return [(buffer, " ".join(parts), *found)] if found else []


def _set(program: moderngl.Program, name: str, value: object) -> None:
    if name in program:  # the compiler drops what has no effect
        if isinstance(value, np.ndarray):
            value = tuple(value.tolist())
        program[name].value = value  # type: ignore[union-attr]


def _write(program: moderngl.Program, name: str, values: NDArray[np.floating]) -> None:
    if name in program:
        program[name].write(np.ascontiguousarray(values, np.float32).tobytes())  # type: ignore[union-attr]


def _write_array(program: moderngl.Program, name: str, values: NDArray[np.floating]) -> None:
    """Write a uniform array; the compiler drops the end of it that no code can reach."""
    if name in program:
        _write(program, name, values[: program[name].array_length])  # type: ignore[union-attr]


def _slots(meshes: Sequence[Mesh]) -> list[tuple[Mesh, int]]:
    """Meshes with a number that tells those of equal geometry apart."""
    seen: dict[str, int] = {}
    slots = []
    for mesh in meshes:
        slot = seen.get(mesh.geometry.key, 0)
        seen[mesh.geometry.key] = slot + 1
        slots.append((mesh, slot))
    return slots


def _mean_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(3,) mean in linear light of what is not transparent."""
    small = cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    weights = small[..., 3] if small.shape[2] == 4 else np.ones(small.shape[:2], np.float32)
    linear = small[..., :3] ** 2
    return (linear * weights[..., None]).sum((0, 1)) / max(float(weights.sum()), 1e-6)
