"""Whether a dataset is complete and consistent: everything that is wrong with it, at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from .annotations import Problem
from .catalogue import find_dataset
from .images import Images, image_size

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class PartReport:
    """What of one part of a dataset can be used.

    Attributes:
        name: the part's.
        num_images: that would be read.
        num_people: in them.
    """

    name: str
    num_images: int
    num_people: int


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What was found in a dataset.

    Attributes:
        name: the dataset's.
        parts: what was loaded.
        problems: what is wrong, each once.
        handled: what is odd, and how the reader answers it; no reason to worry.
        unchecked: parts that were left out, and why.
    """

    name: str
    parts: tuple[PartReport, ...]
    problems: tuple[Problem, ...]
    handled: tuple[Problem, ...]
    unchecked: tuple[str, ...]

    @property
    def is_usable(self) -> bool:
        """Whether the dataset can be loaded, and all pictures are there."""
        return not self.problems


def check_dataset(
    name: str,
    data_root: Path,
    *,
    parts: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> CheckReport:
    """Read a dataset as training and evaluation do, and look at each of its pictures' headers.

    Args:
        name: a key of ``DATASETS``, or the path of a ``.toml``.
        data_root: the folder that holds the dataset.
        parts: which to check; when None all, but those that rest on a file of detected boxes only
            where there is one.
        progress: is told how many of how many pictures have been looked at.

    Raises:
        UserError: there is no such dataset or part.
    """
    entry = find_dataset(name)
    found: dict[Problem, None] = {}  # a set in order: parts share files, and so their problems
    reports, unchecked = [], []
    pictures: dict[str, tuple[Images, str, int, tuple[int, int]]] = {}
    for part_name in entry.parts if parts is None else parts:
        part = entry.part(part_name)
        if parts is None and part.bbox_root and not part.bbox_root(data_root).is_file():
            unchecked.append(f"{part_name}: there is no {part.bbox_root(data_root)}")
            continue
        try:
            dataset = entry.load(part_name, data_root, found.setdefault)
        except UserError as error:  # where no reader tells of more than the first
            found.setdefault(Problem(file=data_root, message=str(error)))
            reports.append(PartReport(name=part_name, num_images=0, num_people=0))
            continue
        samples = dataset.samples
        shown = np.unique(samples.image_index)
        reports.append(PartReport(name=part_name, num_images=len(shown), num_people=len(samples)))
        for at in shown.tolist():
            image_name = samples.image_names[at].decode()
            width, height = samples.image_sizes[at].tolist()
            described = dataset.images.describe(image_name)
            image_id = int(samples.image_ids[at])
            pictures[described] = dataset.images, image_name, image_id, (width, height)
    for done, (described, picture) in enumerate(pictures.items(), start=1):
        problem = _picture_problem(described, *picture)
        if problem:
            found.setdefault(problem)
        if progress:
            progress(done, len(pictures))
    return CheckReport(
        name=entry.name,
        parts=tuple(reports),
        problems=tuple(problem for problem in found if not problem.is_handled),
        handled=tuple(problem for problem in found if problem.is_handled),
        unchecked=tuple(unchecked),
    )


def _picture_problem(
    described: str, images: Images, name: str, image_id: int, size: tuple[int, int]
) -> Problem | None:
    try:
        actual = image_size(images, name)
    except UserError as error:
        message = str(error).removeprefix(f"{described}: ")
    else:
        if actual == size:
            return None
        message = f"is of {actual[0]}×{actual[1]} px; its annotation says {size[0]}×{size[1]}"
    return Problem(file=Path(described), where=f"image {image_id}", message=message)


def format_report(report: CheckReport, limit: int = 20) -> str:
    """The report as text, with at most ``limit`` problems and oddities of each file.

    All of them are in the report.
    """
    lines = [
        f"{report.name} {part.name}: {part.num_people:,} people in {part.num_images:,} images"
        for part in report.parts
    ]
    lines += [f"not checked: {text}" for text in report.unchecked]
    for title, problems in (("Problems", report.problems), ("Handled", report.handled)):
        if problems:
            lines += ["", f"{title}: {len(problems):,}", *_listed(problems, limit)]
    verdict = "can be used." if report.is_usable else "cannot be used as it is."
    return "\n".join([*lines, "", f"{report.name} {verdict}"])


def _listed(problems: Sequence[Problem], limit: int) -> list[str]:
    counts: Counter[Path] = Counter()
    lines = []
    for problem in problems:
        # Pictures are many files of one folder.
        group = problem.file.parent if problem.file.suffix != ".json" else problem.file
        counts[group] += 1
        if counts[group] <= limit:
            lines.append(f"  {problem}")
    lines += [
        f"  {group}: and {count - limit:,} more" for group, count in counts.items() if count > limit
    ]
    return lines
