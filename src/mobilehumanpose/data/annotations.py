"""Annotation files in JSON: read, held against the rules, and turned into arrays.

Each rule stands once, in the reader that needs it. A reader hands what is wrong to its
``on_problem`` and goes on without it. Loading stops at the first problem (:func:`refuse`);
checking a dataset collects them all.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..geometry import process_bbox


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something about a dataset that is not as it should be.

    Attributes:
        file: where it was found.
        where: the record in it, e.g. ``"annotation 12"``; empty for the file itself.
        message: what is wrong, with field and value, and what would be right.
        is_handled: True where the reader has an answer to it that loses nothing which the original
            keeps, so that loading goes on.
    """

    file: Path
    where: str = ""
    message: str
    is_handled: bool = False

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.file), self.where, self.message) if part)


class _Missing:
    def __repr__(self) -> str:
        return "missing"


#: Stands for a value that a file lacks.
MISSING = _Missing()

OnProblem = Callable[[Problem], None]


def refuse(problem: Problem) -> None:
    """Stop at the first problem that has no answer.

    Raises:
        UserError: always, unless the problem is handled.
    """
    if not problem.is_handled:
        raise UserError(str(problem))


def read_json(path: Path, on_problem: OnProblem) -> Any:
    """The content of a JSON file, or None after reporting that it cannot be read."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        message = f"no JSON: {error}"
    on_problem(Problem(file=path, message=message))
    return None


def leaves_folder(name: str) -> bool:
    """Whether a file name that should lie under a folder points outside it, on any system."""
    parts = (*PurePosixPath(name).parts, *PureWindowsPath(name).parts)
    anchored = PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor
    return bool(anchored) or ".." in parts


class Table:
    """Records of one kind from one file, of which those that broke a rule are marked.

    Attributes:
        rows: the JSON objects.
        ids: (N,) int64, their field ``id``; −1 where there is none that can be used.
        ok: (N,) bool, False from the first problem of a row on.
    """

    def __init__(
        self,
        file: Path,
        kind: str,
        records: Any,
        on_problem: OnProblem,
        *,
        has_ids: bool = True,
    ) -> None:
        self.file, self.kind = file, kind
        self._on_problem = on_problem
        if not isinstance(records, list):
            self.report(None, f"its {kind}s are {shown(records)}; a list is right")
            records = []
        self.rows: list[dict[str, Any]] = [row for row in records if isinstance(row, dict)]
        for row in records:
            if not isinstance(row, dict):
                self.report(None, f"one of its {kind}s is {shown(row)}; an object is right")
        self.ok = np.ones(len(self.rows), bool)
        self.ids = np.full(len(self.rows), -1, np.int64)
        if has_ids:
            self._read_ids()

    def _read_ids(self) -> None:
        ids = self.integers("id")
        self.ids = np.where(self.ok, ids, -1)
        _, first, counts = np.unique(self.ids, return_index=True, return_counts=True)
        if (counts > 1).any():
            is_first = np.zeros(len(self.rows), bool)
            is_first[first] = True
            for at in np.flatnonzero(~is_first & self.ok):
                self.refuse_row(at, "field 'id' is that of an earlier one; each needs its own")

    def __len__(self) -> int:
        return len(self.rows)

    def report(self, at: int | None, message: str, *, is_handled: bool = False) -> None:
        """Tell of a problem of row ``at``, or of the whole file."""
        if at is None:
            where = ""
        elif self.ids[at] >= 0:
            where = f"{self.kind} {self.ids[at]}"
        else:
            where = f"{self.kind} number {at} in the file"
        problem = Problem(file=self.file, where=where, message=message, is_handled=is_handled)
        self._on_problem(problem)

    def refuse_row(self, at: int | np.integer, message: str) -> None:
        """Report a problem of a row, and count it out; further ones of that row are not told."""
        if self.ok[at]:
            self.ok[at] = False
            self.report(int(at), message)

    def select(self, chosen: NDArray[np.bool_]) -> Table:
        """The rows where the (N,) mask is True."""
        table = object.__new__(Table)
        table.file, table.kind, table._on_problem = self.file, self.kind, self._on_problem
        table.rows = [row for row, keep in zip(self.rows, chosen.tolist(), strict=True) if keep]
        table.ids, table.ok = self.ids[chosen], self.ok[chosen]
        return table

    def numbers(
        self, name: str, shape: tuple[int, ...] = (), *, default: float | None = None
    ) -> NDArray[np.float64]:
        """(N, *shape) finite numbers of a field; zeros in rows that lack them, which are refused.

        Args:
            name: the field.
            shape: of each row's value.
            default: of rows without the field, where it may be absent.
        """
        absent = MISSING if default is None else default
        values = [row.get(name, absent) for row in self.rows]
        return self.column(values, shape, lambda _: f"field '{name}'")

    def column(
        self, values: list[Any], shape: tuple[int, ...], what: Callable[[int], str]
    ) -> NDArray[np.float64]:
        """(N, *shape) finite numbers from one JSON value a row; zeros in rows that are refused.

        Args:
            values: (N,) JSON values, or ``MISSING``.
            shape: of each.
            what: names the value of a row in messages.
        """
        try:  # a million rows at once, if all is well
            array = np.array(values)
        except ValueError:
            array = np.empty(0, object)
        if array.dtype.kind in "iufb" and array.shape == (len(values), *shape):
            array = array.astype(np.float64)
            if np.isfinite(array).all():
                return array
        array = np.zeros((len(values), *shape))
        for at, value in enumerate(values):
            fault = find_fault(value, shape)
            if fault is None:
                array[at] = value
            else:
                self.refuse_row(at, f"{what(at)} {fault}")
        return array

    def integers(self, name: str, *, default: int | None = None) -> NDArray[np.int64]:
        """(N,) whole numbers from 0 on; 0 in rows that lack them, which are refused."""
        array = self.numbers(name, default=default)
        for at in np.flatnonzero((array < 0) | (array % 1 != 0) | (array >= 2**53)):
            value = shown(self.rows[at].get(name))
            self.refuse_row(at, f"field '{name}' is {value}; a whole number from 0 on is right")
            array[at] = 0
        return array.astype(np.int64)

    def file_names(self, name: str = "file_name") -> NDArray[np.bytes_]:
        """(N,) UTF-8 paths that stay in their folder; empty in rows that have none such."""
        names = []
        for at, row in enumerate(self.rows):
            value = row.get(name)
            if not isinstance(value, str) or not value or not value.isprintable():
                self.refuse_row(at, f"field '{name}' is {shown(value)}; a file's name is right")
                value = ""
            elif leaves_folder(value):
                self.refuse_row(at, f"field '{name}' is {shown(value)}, which leaves its folder")
                value = ""
            names.append(value.encode())
        return np.array(names, dtype=np.bytes_) if names else np.empty(0, "S1")

    def image_sizes(self) -> NDArray[np.int32]:
        """(N, 2) positive ``width`` and ``height`` in px; 1 in rows that lack them."""
        columns = []
        for name in ("width", "height"):
            column = self.integers(name)
            for at in np.flatnonzero((column < 1) | (column > 2**31 - 1)):
                value = shown(self.rows[at].get(name))
                self.refuse_row(at, f"field '{name}' is {value}; at least 1 px is right")
                column[at] = 1
            columns.append(column)
        return np.stack(columns, axis=1).astype(np.int32)

    def cameras(self, *names: str) -> NDArray[np.float32]:
        """(N, 4) fx, fy, cx, cy in px, from one field of all four or one of f and one of c."""
        array = np.concatenate([self.numbers(n, (4 // len(names),)) for n in names], axis=1)
        for at in np.flatnonzero((array[:, :2] <= 0).any(axis=1)):
            value = shown(self.rows[at].get(names[0]))
            self.refuse_row(at, f"field '{names[0]}' is {value}; focal lengths are positive")
        return array.astype(np.float32)

    def refer_to(self, name: str, others: Table) -> NDArray[np.intp]:
        """(N,) index of the row of ``others`` whose id the field ``name`` gives.

        Rows that refer to none are refused; those that refer to a refused one are left out.
        """
        wanted = self.integers(name)
        order = np.argsort(others.ids, kind="stable")
        found = np.zeros(len(self), np.intp)
        if len(others):
            found = order[np.searchsorted(others.ids[order], wanted).clip(max=len(others) - 1)]
        exists = others.ids[found] == wanted if len(others) else np.zeros(len(self), bool)
        for at in np.flatnonzero(~exists & self.ok):
            self.refuse_row(at, f"field '{name}' is {wanted[at]}; there is no such {others.kind}")
        self.ok &= exists & (others.ok[found] if len(others) else exists)
        return found

    def crop_boxes(self, sizes: NDArray[np.int32]) -> NDArray[np.float32]:
        """(N, 4) squares to crop, by ``process_bbox``, from field ``bbox``.

        As in the original, people whose box has no area inside the picture are skipped.

        Args:
            sizes: (N, 2) width and height of each row's image.
        """
        raw = self.numbers("bbox", (4,))
        boxes = np.zeros((len(self), 4), np.float32)
        for at, ((width, height), usable) in enumerate(
            zip(sizes.tolist(), self.ok.tolist(), strict=True)
        ):
            if not usable:
                continue
            box = process_bbox(raw[at], (width, height))
            if box is not None:
                boxes[at] = box
                continue
            self.ok[at] = False
            message = f"field 'bbox' is {shown(raw[at].tolist())}, with no area inside the picture"
            self.report(at, f"{message}: skipped", is_handled=True)
        return boxes


def read_coco(path: Path, on_problem: OnProblem) -> tuple[Table, Table]:
    """The images and the annotations of a file in COCO's layout; none of a file that is no such."""
    content = read_json(path, on_problem)
    if content is None:
        content = {"images": [], "annotations": []}
    elif not isinstance(content, dict):
        on_problem(Problem(file=path, message=f"is {shown(content)}; an object is right"))
        content = {"images": [], "annotations": []}
    images = Table(path, "image", content.get("images"), on_problem)
    return images, Table(path, "annotation", content.get("annotations"), on_problem)


def find_fault(value: Any, shape: tuple[int, ...]) -> str | None:
    """What keeps a JSON value from being finite numbers of a shape; None if nothing does."""
    try:
        array = np.array(value)
    except ValueError:
        array = np.empty(0, object)
    wanted = " × ".join(map(str, shape)) + " numbers" if shape else "a number"
    if array.dtype.kind not in "iufb":
        return f"is {shown(value)}; {wanted} needed"
    if array.shape != shape:
        size = " × ".join(map(str, array.shape)) or "one number"
        return f"is of size {size}; {wanted} needed"
    if not np.isfinite(array.astype(np.float64)).all():
        return f"holds a number that is not finite: {shown(value)}"
    return None


#: Enough of a value to find it by.
_SHORT = reprlib.Repr()
_SHORT.maxlist, _SHORT.maxdict, _SHORT.maxstring, _SHORT.maxlevel = 4, 2, 60, 2


def shown(value: Any) -> str:
    """A JSON value in a message, cut to a readable length."""
    return _SHORT.repr(value)
