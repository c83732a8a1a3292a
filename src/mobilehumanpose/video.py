"""Frames of video files in, and H.264 out, by PyAV, which is FFmpeg.

Videos come from strangers, as photographs do: FFmpeg is held to a list of containers and to the
file itself (a playlist could name others), and sizes are checked before anything is decoded.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .files import check_file
from .media import MAX_PIXELS, VIDEO_SUFFIXES, replacing

#: FFmpeg's names of the containers that are read.
VIDEO_FORMATS = "avi,matroska,webm,mov,mp4,m4v,mpeg,mpegts"
#: A file whose pictures end so long before it says is cut short.
MAX_MISSING_S = 0.5
#: Of the overlay: x264's constant quality, its default, and its preset. The next slower one takes
#: 1.6 times as long for half the size.
OVERLAY_CRF = 23
OVERLAY_PRESET = "ultrafast"
#: FFmpeg's numbers of BT.709 and BT.601 (SMPTE 170M) colour, of "not told", and of 16…235 range.
BT709, BT601, COLOR_NOT_TOLD, LIMITED_RANGE = 1, 6, 2, 1
#: Pictures from this height on are BT.709 where nothing is said: what players take them for.
HD_HEIGHT_PX = 720


class Frame(NamedTuple):
    """One picture of a video.

    Attributes:
        image_rgb: (H, W, 3) uint8, as it is meant to be seen.
        time_s: when it is shown, in seconds of the file's own clock.
    """

    image_rgb: NDArray[np.uint8]
    time_s: float


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a video file says of itself.

    Attributes:
        path: the file.
        size: (width, height) px, as it is meant to be seen.
        frame_rate: frames a second, in the mean.
        time_base_s: the unit of the times of its frames.
        num_frames: about how many frames there are; None where the file does not say.
    """

    path: Path
    size: tuple[int, int]
    frame_rate: Fraction
    time_base_s: Fraction
    num_frames: int | None


class VideoReader:
    """The frames of a video file, in order; may be read more than once.

    Attributes:
        info: what the file says of itself.
        damage: after the last frame, why there are no more, if that is not the video's end.
    """

    def __init__(self, path: Path) -> None:
        """Look at a file and its first frame.

        Raises:
            UserError: it is absent, empty, no video of a known format, larger than ``MAX_PIXELS``,
                or its first frame cannot be read; or PyAV is not installed.
        """
        self.damage: str | None = None
        with _open(path) as container:
            stream = _video_stream(container)
            rate = stream.average_rate or stream.guessed_rate
            if not rate:
                raise UserError(f"{path}: does not say how many frames a second it has")
            num_frames = stream.frames
            if not num_frames and container.duration:
                num_frames = round(container.duration / _av().time_base * rate)
            info = VideoInfo(
                path=path,
                size=(0, 0),  # as shown: only a frame knows how it is turned
                frame_rate=Fraction(rate),
                time_base_s=Fraction(stream.time_base),
                num_frames=num_frames or None,
            )
        self.info = info
        frames = iter(self)
        first = next(frames, None)
        frames.close()
        if first is None:
            raise UserError(self.damage or f"{path}: holds no frame")
        self.info = replace(info, size=(first.image_rgb.shape[1], first.image_rgb.shape[0]))

    def __iter__(self) -> Generator[Frame, None, None]:
        """Read from the beginning; ``damage`` says afterwards whether that was all.

        The file is held open by the thread that iterates, until it is done or lets go.
        """
        self.damage = None
        last_s: float | None = None
        try:
            with _open(self.info.path) as container:
                for frame in _frames(container, self.info):
                    yield frame
                    last_s = frame.time_s
        except (_av().error.FFmpegError, UserError) as error:
            reason = error.strerror if isinstance(error, _av().error.FFmpegError) else error
            where = "before its first frame" if last_s is None else f"after that of {last_s:.4f} s"
            self.damage = f"{self.info.path}: frames cannot be read {where}: {reason}"


def _frames(container: Any, info: VideoInfo) -> Iterator[Frame]:
    """Decode a container to its end.

    Raises:
        FFmpegError: FFmpeg refuses what comes next.
        UserError: something else is wrong with it.
    """
    av = _av()
    stream = _video_stream(container)
    # It keeps its tables between frames. More threads of its own would wait for each other.
    reformatter = av.video.reformatter.VideoReformatter()
    width = _shown_width(stream.width, stream)
    coded_size = (stream.width, stream.height)
    last_s: float | None = None
    end_s = 0.0
    for packet in container.demux():
        if packet.pts is not None:
            end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.stream_index != stream.index:
            continue
        for picture in packet.decode():
            if picture.is_corrupt:
                raise UserError("the next is damaged")
            if (picture.width, picture.height) != coded_size:
                raise UserError(
                    f"the next has {picture.width}×{picture.height} pixels instead of "
                    f"{coded_size[0]}×{coded_size[1]}"
                )
            rgb = _to_rgb(picture, reformatter, width)
            time_s = picture.time
            if time_s is None:  # some old containers tell no times
                time_s = 0.0 if last_s is None else last_s + float(1 / info.frame_rate)
            if last_s is not None and time_s <= last_s:
                raise UserError(f"the next is of {time_s:.4f} s")
            yield Frame(rgb, time_s)
            last_s = time_s
    start_s = (container.start_time or 0) / av.time_base
    should_s = (container.duration or 0) / av.time_base
    if should_s - (end_s - start_s) > MAX_MISSING_S:
        raise UserError(f"the file is cut short: {should_s:.2f} s were to come")


def _to_rgb(picture: Any, reformatter: Any, width: int) -> NDArray[np.uint8]:
    """A decoded frame as it is meant to be seen; ``width`` is that of square pixels."""
    is_told = picture.colorspace != COLOR_NOT_TOLD or picture.height < HD_HEIGHT_PX
    rgb = reformatter.reformat(
        picture,
        format="rgb24",
        width=width,
        src_colorspace=picture.colorspace if is_told else BT709,
        threads=1,
    ).to_ndarray()
    quarter_turns = round(picture.rotation / 90) % 4  # counter-clockwise
    return np.ascontiguousarray(np.rot90(rgb, quarter_turns)) if quarter_turns else rgb


def _open(path: Path) -> Any:
    """A container with a video stream of a size that is read."""
    av = _av()
    check_file(path)
    options = {"format_whitelist": VIDEO_FORMATS, "protocol_whitelist": "file"}
    try:
        container = av.open(str(path.absolute()), options=options)
    except (av.error.FFmpegError, OSError) as error:
        raise UserError(
            f"{path}: damaged, or no video of a known format ({', '.join(VIDEO_SUFFIXES)}): "
            f"{error.strerror}"
        ) from None
    try:
        _check_stream(_video_stream(container), path)
    except UserError:
        container.close()
        raise
    return container


def _check_stream(stream: Any, path: Path) -> None:
    if stream is None:
        raise UserError(f"{path}: holds no pictures")
    if stream.codec_context is None:
        raise UserError(f"{path}: its codec is not known")
    if not stream.width * stream.height:
        raise UserError(f"{path}: does not say how large its pictures are")
    width = _shown_width(stream.width, stream)
    if max(width, stream.width) * stream.height > MAX_PIXELS:
        raise UserError(f"{path}: {width}×{stream.height} pixels; at most {MAX_PIXELS:,} are read")


def _shown_width(coded_width: int, stream: Any) -> int:
    """How wide a frame is with square pixels."""
    return max(1, round(coded_width * (stream.sample_aspect_ratio or 1)))


def _video_stream(container: Any) -> Any:
    # Not simply the first: cover art is a stream too.
    return container.streams.best("video")


@contextmanager
def video_writer(
    path: Path, info: VideoInfo
) -> Iterator[Callable[[NDArray[np.uint8], float], None]]:
    """Write H.264 in an MP4 file, with the rate, times and size of a video that is read.

    The context gives a function that adds one (H, W, 3) RGB frame and its time in seconds. The
    file appears when the context is left, and never after an exception.

    Raises:
        UserError: the file cannot be written, or a frame has another size.
    """
    av = _av()
    with replacing(path) as temporary:
        try:
            with av.open(str(temporary), "w", format="mp4") as container:
                stream = _overlay_stream(container, info)

                def write(image_rgb: NDArray[np.uint8], time_s: float) -> None:
                    picture = av.VideoFrame.from_ndarray(_to_yuv(image_rgb, info), "yuv420p")
                    picture.time_base = info.time_base_s
                    picture.pts = round(time_s / info.time_base_s)
                    container.mux(stream.encode(picture))

                yield write
                container.mux(stream.encode(None))  # what the encoder still holds
        except av.error.FFmpegError as error:
            raise UserError(f"{path}: cannot be written: {error.strerror}") from None


def _overlay_stream(container: Any, info: VideoInfo) -> Any:
    options = {"preset": OVERLAY_PRESET, "crf": str(OVERLAY_CRF), "threads": "1"}
    stream = container.add_stream("libx264", rate=info.frame_rate, options=options)
    stream.pix_fmt = "yuv420p"
    # This format halves the resolution of colour, so sides are even.
    stream.width, stream.height = (side + side % 2 for side in info.size)
    stream.codec_context.time_base = info.time_base_s
    # What OpenCV converts to.
    stream.codec_context.colorspace = BT601
    stream.codec_context.color_range = LIMITED_RANGE
    return stream


def _to_yuv(image_rgb: NDArray[np.uint8], info: VideoInfo) -> NDArray[np.uint8]:
    height, width = image_rgb.shape[:2]
    if (width, height) != info.size:
        raise UserError(f"a frame of {width}×{height} px in a video of {info.size}")
    if height % 2 or width % 2:
        image_rgb = cv2.copyMakeBorder(  # type: ignore[assignment]
            image_rgb, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE
        )
    return cv2.cvtColor(image_rgb, cv2.COLOR_RGB2YUV_I420)  # type: ignore[return-value]


def _av() -> Any:
    """PyAV, which only videos need."""
    try:
        return importlib.import_module("av")
    except ModuleNotFoundError:
        raise UserError("videos need PyAV: pip install 'mobilehumanpose[video]'") from None
