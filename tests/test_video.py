"""Videos from strangers, and overlays that are whole or absent."""

import os
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("av")
from video_clips import av, corner_images, write_clip

from mobilehumanpose import UserError, video
from mobilehumanpose.video import VideoInfo, VideoReader, video_writer


def is_red(pixel) -> bool:
    return pixel[0] > 200 and max(pixel[1:]) < 60


def test_frames_and_times_come_as_they_were_written(tmp_path):
    times = [0, 1001, 2002, 5000, 6006, 20000]
    path = write_clip(
        tmp_path / "a.mp4",
        corner_images(6),
        times=times,
        time_base=Fraction(1, 30000),
        rate=Fraction(30000, 1001),
    )
    reader = VideoReader(path)
    frames = list(reader)
    assert reader.damage is None
    assert reader.info.size == (64, 48)
    assert reader.info.num_frames == 6
    np.testing.assert_allclose([frame.time_s for frame in frames], np.array(times) / 30000)
    for number, frame in enumerate(frames):
        assert frame.image_rgb.shape == (48, 64, 3)
        assert frame.image_rgb.dtype == np.uint8
        assert is_red(frame.image_rgb[4, 4])
        assert abs(int(frame.image_rgb[40, 50, 1]) - 5 * number) < 5
    assert len(list(reader)) == 6  # again, from the beginning


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.avi", "mpeg4"), ("a.mkv", "libx264"), ("a.mov", "libx264"), ("a.ts", "libx264"),
     ("a.mpg", "mpeg2video")],
)  # fmt: skip
def test_other_containers(tmp_path, name, codec):
    reader = VideoReader(write_clip(tmp_path / name, corner_images(20), codec=codec))
    frames = list(reader)
    assert reader.damage is None
    assert len(frames) == 20
    steps_s = np.diff([frame.time_s for frame in frames])
    np.testing.assert_allclose(steps_s, 1 / 30, atol=2e-3)


@pytest.mark.parametrize(
    ("rotation", "corner"), [(0, (4, 4)), (90, (-4, 4)), (180, (-4, -4)), (-90, (4, -4))]
)
def test_rotation_is_honoured(tmp_path, rotation, corner):
    """A telephone that stands stores its pictures on their side, to be turned when shown."""
    path = write_clip(tmp_path / "a.mp4", corner_images(3), rotation=rotation)
    reader = VideoReader(path)
    assert reader.info.size == ((64, 48) if rotation in (0, 180) else (48, 64))
    for frame in reader:
        assert frame.image_rgb.flags["C_CONTIGUOUS"]
        assert is_red(frame.image_rgb[corner])
        assert not is_red(frame.image_rgb[-corner[0], -corner[1]])


def test_pixels_that_are_no_squares_are_stretched(tmp_path):
    path = write_clip(tmp_path / "a.mp4", corner_images(3), aspect=Fraction(3, 2))
    assert VideoReader(path).info.size == (96, 48)


@pytest.mark.parametrize("colorspace", [1, 6])
def test_colours_are_those_that_the_file_tells(tmp_path, colorspace):
    image = np.full((48, 64, 3), (200, 60, 30), np.uint8)
    path = write_clip(tmp_path / "a.mp4", [image] * 3, colorspace=colorspace)
    for frame in VideoReader(path):
        assert np.abs(frame.image_rgb.astype(int) - image).max() <= 4


def test_what_is_no_video_is_named(tmp_path):
    whole = write_clip(tmp_path / "whole.mp4", corner_images(30)).read_bytes()
    playlist = f"#EXTM3U\n#EXTINF:10,\n{tmp_path / 'whole.mp4'}\n#EXT-X-ENDLIST\n".encode()
    contents = {
        "empty.mp4": b"",
        "text.mp4": b"not a video " * 100,
        "cut.mp4": whole[: len(whole) // 2],  # what tells of its frames stands at its end
        "list.mp4": playlist,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=name):
            VideoReader(tmp_path / name)
    for name, said in (("absent.mp4", "no such file"), ("", "is a folder")):
        with pytest.raises(UserError, match=said):
            VideoReader(tmp_path / name)


def test_sound_without_pictures_is_named(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(UserError, match="sound.mp4: holds no pictures"):
        VideoReader(path)


def test_a_video_of_too_many_pixels_is_refused(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mp4", corner_images(2))
    monkeypatch.setattr(video, "MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(UserError, match="64×48 pixels; at most 3,071"):
        VideoReader(path)
    wide = write_clip(tmp_path / "wide.mp4", corner_images(2), aspect=Fraction(20, 1))
    monkeypatch.setattr(video, "MAX_PIXELS", 64 * 48 * 10)
    with pytest.raises(UserError, match="1280×48 pixels"):
        VideoReader(wide)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_what_comes_before_a_cut_is_read_and_the_cut_is_told(tmp_path, name):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(60)]
    options = {"movflags": "faststart"} if name.endswith("mp4") else {}
    path = write_clip(tmp_path / name, images, options=options)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    reader = VideoReader(path)
    frames = list(reader)
    assert 10 < len(frames) < 40
    if name != "a.ts":  # a stream for broadcasting has no length; where it ends is its end
        assert reader.damage is not None
        assert name in reader.damage
        assert f"{frames[-1].time_s:.4f} s" in reader.damage


def test_what_comes_before_damage_is_read_and_the_damage_is_told(tmp_path):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(60)]
    path = write_clip(tmp_path / "a.mp4", images, options={"movflags": "faststart"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 5000] = bytes(5000)
    path.write_bytes(content)
    reader = VideoReader(path)
    frames = list(reader)
    assert 10 < len(frames) < 40
    assert reader.damage is not None
    assert "a.mp4: frames cannot be read after that of" in reader.damage
    assert len(list(reader)) == len(frames)


def test_times_that_run_backwards_are_damage(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mp4", corner_images(6))
    reader = VideoReader(path)
    frames = list(reader)
    assert len(frames) == 6

    class Picture:
        """A decoded frame whose time stands still after the third."""

        def __init__(self, picture):
            self.picture = picture

        def __getattr__(self, name):
            value = getattr(self.picture, name)
            return min(value, 0.1) if name == "time" else value

    class Packet:
        def __init__(self, packet):
            self.packet = packet

        def __getattr__(self, name):
            return getattr(self.packet, name)

        def decode(self):
            return [Picture(picture) for picture in self.packet.decode()]

    class Container:
        def __init__(self, container):
            self.container = container

        def __getattr__(self, name):
            return getattr(self.container, name)

        def demux(self):
            return map(Packet, self.container.demux())

    to_rgb = video._to_rgb
    monkeypatch.setattr(video, "_to_rgb", lambda picture, *rest: to_rgb(picture.picture, *rest))
    with video._open(path) as container, pytest.raises(UserError, match=r"the next is of 0\.1000"):
        list(video._frames(Container(container), reader.info))


def info_like(path, size=(64, 48), time_base_s=Fraction(1, 30000)) -> VideoInfo:
    return VideoInfo(
        path=path,
        size=size,
        frame_rate=Fraction(30000, 1001),
        time_base_s=time_base_s,
        num_frames=None,
    )


@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_an_overlay_keeps_size_times_and_colours(tmp_path, size):
    path = tmp_path / "out.mp4"
    times_s = [0.0, 1001 / 30000, 2002 / 30000, 0.5]
    image = np.full((size[1], size[0], 3), (200, 60, 30), np.uint8)
    with video_writer(path, info_like(path, size)) as write:
        for time_s in times_s:
            write(image, time_s)
        assert not path.exists()
    reader = VideoReader(path)
    assert reader.info.size == (64, 48)
    frames = list(reader)
    np.testing.assert_allclose([frame.time_s for frame in frames], times_s)
    assert np.abs(frames[0].image_rgb[:47, :63].astype(int) - image[:47, :63]).max() <= 4
    assert os.listdir(tmp_path) == ["out.mp4"]


def write_all(path, times_s, *, size=(64, 48), error: Exception | None = None) -> None:
    with video_writer(path, info_like(path)) as write:
        for time_s in times_s:
            write(np.zeros((size[1], size[0], 3), np.uint8), time_s)
        if error is not None:
            raise error


def test_an_overlay_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"what was there")
    with pytest.raises(KeyError):
        write_all(path, [0.0], error=KeyError("elsewhere"))
    with pytest.raises(KeyboardInterrupt):
        write_all(path, [0.0], error=KeyboardInterrupt())
    with pytest.raises(UserError, match="frame of 10×10"):
        write_all(path, [0.0], size=(10, 10))
    with pytest.raises(UserError, match="out.mp4: cannot be written"):
        write_all(path, [1.0, 0.5])  # FFmpeg refuses times that run backwards
    assert path.read_bytes() == b"what was there"
    assert os.listdir(tmp_path) == ["out.mp4"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="out.mp4: cannot be written"):
        write_all(tmp_path / "absent" / "out.mp4", [0.0])


def test_without_pyav_the_package_to_install_is_named(tmp_path, monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(video.importlib, "import_module", absent)
    with pytest.raises(UserError, match=r"pip install 'mobilehumanpose\[video\]'"):
        VideoReader(tmp_path / "a.mp4")
