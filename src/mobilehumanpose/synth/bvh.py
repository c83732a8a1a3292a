"""Motion from BVH files: any skeleton, any order of channels.

A BVH file tells a tree of joints by their offsets from their parents, and for each frame the
values of each joint's channels. Rotations are Euler angles in degrees, applied in the order in
which a joint lists its channels: ``Zrotation Xrotation Yrotation`` is Rz Rx Ry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .rotations import axis_rotations

_POSITIONS = ("Xposition", "Yposition", "Zposition")
_ROTATIONS = ("Xrotation", "Yrotation", "Zrotation")


@dataclass(frozen=True, kw_only=True)
class Bvh:
    """A skeleton and its motion, in the file's own axes and unit of length.

    Attributes:
        joint_names: J names, parents before children. The end of a chain is named after its joint
            with ``.end`` behind; it never turns.
        parents: (J,) indices; -1 for the root.
        offsets: (J, 3) from the parent, at rest.
        rotations: (F, J, 3, 3), how each joint is turned against its parent.
        root_positions: (F, 3); the offset of the root where it has no position channels. Position
            channels of other joints are left out: bones keep their length.
        frame_time_s: from one frame to the next.
    """

    joint_names: list[str]
    parents: NDArray[np.int32]
    offsets: NDArray[np.float64]
    rotations: NDArray[np.float64]
    root_positions: NDArray[np.float64]
    frame_time_s: float

    def forward_kinematics(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Turns of all joints against the axes of the file, (F, J, 3, 3), and places (F, J, 3)."""
        turned = self.rotations.copy()
        positions = np.repeat(self.root_positions[:, None], len(self.joint_names), axis=1)
        for joint, parent in enumerate(self.parents.tolist()):
            if parent >= 0:
                positions[:, joint] = positions[:, parent] + turned[:, parent] @ self.offsets[joint]
                turned[:, joint] = turned[:, parent] @ turned[:, joint]
        return turned, positions


class _Reader:
    """Words of a file with their lines, for messages."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._words: Iterator[tuple[int, str]] = (
            (number, word)
            for number, line in enumerate(text.splitlines(), 1)
            for word in line.split()
        )
        self._line = 0

    def next(self, wanted: str) -> str:
        """The next word; ``wanted`` says what should stand there."""
        self._line, word = next(self._words, (self._line, ""))
        if not word:
            raise UserError(f"{self._name}: ends where {wanted} should stand")
        return word

    def expect(self, *words: str) -> str:
        """The next word, which must be one of these."""
        word = self.next(" or ".join(words))
        if word not in words:
            self.fail(f"{word!r} where {' or '.join(words)} should stand")
        return word

    def number(self, wanted: str) -> float:
        """The next word, as a finite number."""
        word = self.next(wanted)
        try:
            value = float(word)
        except ValueError:
            value = np.nan
        if not np.isfinite(value):
            self.fail(f"{word!r} where {wanted} should stand")
        return value

    def count(self, wanted: str) -> int:
        """The next word, as a number from 0 on."""
        value = self.number(wanted)
        if value < 0 or value != int(value):
            self.fail(f"{value} where {wanted} should stand")
        return int(value)

    def fail(self, message: str) -> NoReturn:
        """Raise a UserError that names file and line."""
        raise UserError(f"{self._name}, line {self._line}: {message}")


def parse_bvh(text: str, name: str) -> Bvh:
    """Read the text of a BVH file.

    Args:
        text: its content.
        name: of the file, for messages.

    Raises:
        UserError: it is malformed; the message names file, line and what should stand there.
    """
    hierarchy, found, motion = text.partition("MOTION")
    if not found:
        raise UserError(f"{name}: has no line MOTION")
    names, parents, offsets, channels = _parse_hierarchy(_Reader(hierarchy, name))
    frame_time_s, values = _parse_motion(motion, sum(map(len, channels)), name)

    frames = len(values)
    rotations = np.tile(np.eye(3), (frames, len(names), 1, 1))
    root_positions = np.tile(offsets[0], (frames, 1))
    column = 0
    for joint, joint_channels in enumerate(channels):
        for channel in joint_channels:
            if channel in _ROTATIONS:
                axis = _ROTATIONS.index(channel)
                rotations[:, joint] @= axis_rotations(axis, np.radians(values[:, column]))
            elif joint == 0:
                root_positions[:, _POSITIONS.index(channel)] = values[:, column]
            column += 1
    return Bvh(
        joint_names=names,
        parents=np.array(parents, np.int32),
        offsets=offsets,
        rotations=rotations,
        root_positions=root_positions,
        frame_time_s=frame_time_s,
    )


def _parse_hierarchy(
    words: _Reader,
) -> tuple[list[str], list[int], NDArray[np.float64], list[list[str]]]:
    """Names, parents, offsets and channels of the joints in the order of the file."""
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[list[str]] = []
    words.expect("HIERARCHY")
    words.expect("ROOT")
    open_joints: list[int] = []
    name = words.next("the root's name")
    while True:
        words.expect("{")
        if name in names:
            words.fail(f"a second joint {name!r}")
        parents.append(open_joints[-1] if open_joints else -1)
        open_joints.append(len(names))
        names.append(name)
        words.expect("OFFSET")
        offsets.append([words.number("an offset") for _ in range(3)])
        channels.append([])
        is_end = name.endswith(".end")
        if not is_end:
            words.expect("CHANNELS")
            count = words.count("the number of channels")
            channels[-1] = [words.expect(*_POSITIONS, *_ROTATIONS) for _ in range(count)]
        word = words.expect("}") if is_end else words.expect("JOINT", "End", "}")
        while word == "}":
            open_joints.pop()
            if not open_joints:
                return names, parents, np.array(offsets), channels
            word = words.expect("JOINT", "End", "}")
        if word == "End":
            words.expect("Site")
            name = f"{names[open_joints[-1]]}.end"
        else:
            name = words.next("a joint's name")


def _parse_motion(text: str, columns: int, name: str) -> tuple[float, NDArray[np.float64]]:
    """Seconds a frame and (F, columns) values."""
    header, _, rest = text.strip().partition("Frame Time:")
    words = _Reader(header, f"{name}, after MOTION")
    words.expect("Frames:")
    frames = words.count("the number of frames")
    time_text, _, table = rest.strip().partition("\n")
    try:
        frame_time_s = float(time_text)
        values = np.array(table.split(), np.float64)
    except ValueError as error:
        raise UserError(f"{name}: not a number in the motion: {error}") from None
    if values.size != frames * columns:
        raise UserError(
            f"{name}: {values.size} values in the motion; {frames} frames of {columns} channels "
            f"are {frames * columns}"
        )
    if not np.isfinite(values).all():
        raise UserError(f"{name}: a value of the motion is not finite")
    return frame_time_s, values.reshape(frames, columns)
