"""Tiny videos for tests, made by PyAV."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av")


def write_clip(
    path: Path,
    images: Iterable[np.ndarray],
    *,
    times: Iterable[int] | None = None,
    time_base: Fraction = Fraction(1, 30),
    rate: Fraction = Fraction(30),
    codec: str = "libx264",
    rotation: int | None = None,
    aspect: Fraction | None = None,
    colorspace: int | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """RGB pictures as a video; ``times`` are in units of the time base."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.pix_fmt = "yuv420p"
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "crf": "10", "g": "5"}
        if rotation is not None:
            stream.set_display_rotation(rotation)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if colorspace is not None:
            stream.codec_context.colorspace = colorspace
        for number, image in enumerate(images):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
                stream.codec_context.time_base = time_base
                times = iter(range(10**9) if times is None else times)
            picture = av.VideoFrame.from_ndarray(image, "rgb24")
            picture = picture.reformat(format="yuv420p", dst_colorspace=colorspace)
            picture.time_base = time_base
            picture.pts = next(times)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def corner_images(count: int = 10, size: tuple[int, int] = (64, 48)) -> list[np.ndarray]:
    """Black, with a red square in the top left corner, and a grey that tells the number."""
    images = []
    for number in range(count):
        image = np.full((size[1], size[0], 3), 5 * number, np.uint8)
        image[: size[1] // 3, : size[0] // 3] = (255, 0, 0)
        images.append(image)
    return images
