"""What is written of an evaluation: text, CSV tables, and one self-contained HTML page."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from dataclasses import replace
from html import escape
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..data.samples import PoseDataset
from ..draw import SIDE_COLORS
from ..media import make_folder, write_file
from .predictions import Predictions
from .results import EvaluationResult, ResultTable
from .worst_cases import case_html, mean_errors, worst_people

#: Columns of figures side by side in text: more do not fit into 80 characters.
TEXT_COLUMNS = 6
NUM_BINS = 30
#: Missed people are listed for so many pictures.
MAX_MISSED_NAMES = 200


def write_report(
    folder: Path,
    result: EvaluationResult,
    dataset: PoseDataset,
    predictions: Predictions,
    *,
    num_worst: int = 12,
    title: str,
) -> list[Path]:
    """Write ``summary.txt``, a CSV file for each table, and ``report.html``.

    Args:
        folder: is made where it is absent.
        result: what is reported.
        dataset: what was evaluated on.
        predictions: what was evaluated.
        num_worst: how many of the people with the largest errors are shown.
        title: of the page and the text.

    Returns:
        The files, ``report.html`` last.

    Raises:
        UserError: the folder cannot be written to.
    """
    make_folder(folder)
    files = {"summary.txt": plain_text(Text(title), Text(), format_tables(result))}
    for number, table in enumerate(result.tables, start=1):
        files[_csv_name(number, table.title)] = table_csv(table)
    files["report.html"] = report_html(
        result, dataset, predictions, num_worst=num_worst, title=title
    )
    paths = []
    for name, content in files.items():
        paths.append(folder / name)
        write_file(paths[-1], content.encode())
    return paths


def table_csv(table: ResultTable) -> str:
    """A table as CSV: the unit in the corner, an empty cell where nothing was measured."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([table.unit, *table.column_names])
    for name, row in zip(table.row_names, table.values.tolist(), strict=True):
        writer.writerow([name, *("" if math.isnan(value) else value for value in row)])
    return text.getvalue()


def _csv_name(number: int, title: str) -> str:
    # The number keeps apart titles that differ only in what file names cannot hold.
    words = re.sub(r"[^a-z0-9]+", "-", title.lower())[:60].strip("-")
    return f"table-{number:02}-{words}.csv" if words else f"table-{number:02}.csv"


# ---- text ----------------------------------------------------------------------------------------


def plain_text(*parts: RenderableType) -> str:
    """What Rich would show in a terminal of 80 columns, without colours."""
    text = io.StringIO()
    Console(file=text, width=80, color_system=None).print(*parts, sep="\n")
    # Rich fills lines with spaces.
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def format_tables(result: EvaluationResult) -> RenderableType:
    """Protocol, warnings, headline figures and tables for the terminal, as Rich shows them."""
    parts: list[RenderableType] = [*format_meaning(result)]
    headline = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in result.headline.items():
        headline.add_row(Text(name), Text(_number(value, _digits(value)), style="bold"))
    parts += [Text(), headline]
    parts += [format_result_table(_upright(table)) for table in result.tables]
    return Group(*parts)


def format_meaning(result: EvaluationResult) -> list[Text]:
    """What was measured, and what a reader of the figures must know."""
    warnings = [Text(f"Warning: {warning}", style="yellow") for warning in result.warnings]
    return [Text(result.protocol), *warnings]


def format_result_table(table: ResultTable) -> RenderableType:
    """A table for the terminal, in several parts where it has many columns."""
    parts: list[RenderableType] = [Text(), Text(_heading(table), style="bold")]
    for start in range(0, len(table.column_names), TEXT_COLUMNS):
        parts.append(_text_table(table, slice(start, start + TEXT_COLUMNS)))
    return Group(*parts)


def _text_table(table: ResultTable, columns: slice) -> Table:
    text = Table(box=SIMPLE_HEAD, pad_edge=False)
    text.add_column(Text(table.unit), no_wrap=True)
    for name in table.column_names[columns]:
        text.add_column(Text(name), justify="right")
    digits = _digits(table.values)
    for name, row in zip(table.row_names, table.values[:, columns], strict=True):
        text.add_row(Text(name), *(Text(_number(value, digits)) for value in row))
    return text


def _heading(table: ResultTable) -> str:
    unit = f"{table.unit}; " if table.unit else ""
    return f"{table.title} ({unit}{'higher' if table.higher_is_better else 'lower'} is better)"


def _upright(table: ResultTable) -> ResultTable:
    """The table with its longer side down the page, where there is room."""
    if len(table.column_names) <= len(table.row_names):
        return table
    return replace(
        table,
        row_names=table.column_names,
        column_names=table.row_names,
        values=table.values.T,
    )


def _digits(values: NDArray[np.floating] | float) -> int:
    # Counts whole, millimetres and percent to 0.1, shares of 1 to 0.001.
    known = np.abs(np.asarray(values)[np.isfinite(values)])
    if (known == np.round(known)).all():
        return 0
    return 1 if known.max() >= 5 else 3


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


# ---- HTML ----------------------------------------------------------------------------------------


def report_html(
    result: EvaluationResult,
    dataset: PoseDataset,
    predictions: Predictions,
    *,
    num_worst: int,
    title: str,
) -> str:
    """The page's text: everything it needs is inside, and nothing is fetched."""
    tables = list(result.tables)
    by_joint = _by_joint(result)
    if not any(set(result.joint_names) <= {*t.row_names, *t.column_names} for t in tables):
        tables.append(by_joint)
    people = len(result.people_index)
    missed = int((result.people_index < 0).sum())
    cases = [case_html(i, result, dataset, predictions) for i in worst_people(result, num_worst)]
    parts = {
        "TITLE": escape(title),
        "SUMMARY": escape(f"{dataset.name} · {people} people evaluated · {missed} never predicted"),
        "PROTOCOL": escape(result.protocol),
        "WARNINGS": _warnings_html(result.warnings),
        "HEADLINE": "".join(
            f"<div><dt>{escape(name)}</dt><dd>{_number(value, _digits(value))}</dd></div>"
            for name, value in result.headline.items()
        ),
        "TABLES": "".join(table_html(table) for table in tables),
        "DISTRIBUTION": histogram_html(mean_errors(result), result.error_unit),
        "CASES": "".join(cases) or '<p class="note">Nobody was predicted.</p>',
        "MISSED": _missed_html(result, dataset),
        "COLORS": " ".join(f"--{side}: rgb{color};" for side, color in SIDE_COLORS.items()),
    }
    template = resources.files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    # Split once at the places, so that nothing inside the parts is taken for a place.
    pieces = template.split("@@")
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def _by_joint(result: EvaluationResult) -> ResultTable:
    errors = np.where((result.people_index >= 0)[:, None], result.joint_errors, np.nan)
    known = np.isfinite(errors)
    count = known.sum(axis=0)
    total = np.where(known, errors, 0.0).sum(axis=0)
    return ResultTable(
        title="Mean error by joint, of predicted people",
        unit=result.error_unit,
        row_names=result.joint_names,
        column_names=("error",),
        values=np.where(count > 0, total / np.maximum(count, 1), np.nan)[:, None],
    )


def _warnings_html(warnings: tuple[str, ...]) -> str:
    items = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    return f'<div class="warnings" role="note"><ul>{items}</ul></div>' if items else ""


def axis_end(values: NDArray[np.floating], unit: str = "") -> float:
    """Where an axis from 0 that shows all values ends: a round number; 100 for percent."""
    largest = float(np.max(values[np.isfinite(values)], initial=0.0))
    if unit == "%" and largest <= 100:
        return 100.0
    if largest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    steps = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
    return next(step * power for step in steps if largest <= step * power * (1 + 1e-9))


def table_html(table: ResultTable) -> str:
    """A table with a bar under every figure, all to one scale."""
    table = _upright(table)
    end, digits = axis_end(table.values, table.unit), _digits(table.values)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.column_names)
    rows = []
    for name, row in zip(table.row_names, table.values, strict=True):
        cells = "".join(_cell_html(float(value), end, digits) for value in row)
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    axis = f"<td><span>0</span><span>{end:g}</span></td>" * len(table.column_names)
    unit = f" {table.unit}" if table.unit else ""
    meaning = "better" if table.higher_is_better else "worse"
    names_em = 0.62 * min(max(map(len, (*table.row_names, table.unit))), 28) + 1.5
    # All columns are equally wide, so that bars can be compared across them.
    width = f"min-width:calc({names_em:.1f}em + {len(table.column_names)} * 88px)"
    return (
        f'<section class="scroll" tabindex="0" aria-label="{escape(table.title)}">'
        f'<table style="{width}"><caption><div>{escape(_heading(table))}'
        f"<small>Bars from 0 to {end:g}{escape(unit)}; longer is {meaning}.</small></div></caption>"
        f'<colgroup><col style="width:{names_em:.1f}em"></colgroup>'
        f"<thead><tr><td>{escape(table.unit)}</td>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody>"
        f'<tfoot aria-hidden="true"><tr><td>{escape(table.unit)}</td>{axis}</tr></tfoot>'
        "</table></section>"
    )


def _cell_html(value: float, end: float, digits: int) -> str:
    if not math.isfinite(value):
        return '<td><span class="none">–</span></td>'
    share = min(max(value / end, 0.0), 1.0)
    bar = f'<span class="track"><span class="bar" style="width:{share:.2%}"></span></span>'
    return f"<td>{_number(value, digits)}{bar}</td>"


def histogram_html(errors: NDArray[np.floating], unit: str) -> str:
    """How many people have which mean error; the last bin also holds all larger ones."""
    errors = errors[np.isfinite(errors)]
    if errors.size == 0:
        return '<p class="note">Nobody was predicted.</p>'
    end = axis_end(np.percentile(errors, [99]))
    counts, _ = np.histogram(np.minimum(errors, end), bins=NUM_BINS, range=(0.0, end))
    columns = "".join(f'<i style="height:{count / counts.max():.2%}"></i>' for count in counts)
    ticks = "".join(f"<span>{end * quarter / 4:g}</span>" for quarter in range(4))
    last = f"{end:g}{'+' if errors.max() > end else ''} {escape(unit)}"
    median, ninety = np.percentile(errors, [50, 90])
    words = (
        f"Median {median:.1f}, 90th percentile {ninety:.1f}, largest {errors.max():.1f} {unit}; "
        f"the tallest column stands for {counts.max()} of {errors.size} people."
    )
    return (
        f'<div class="histogram" role="img" aria-label="Histogram. {escape(words)}">{columns}</div>'
        f'<div class="ticks" aria-hidden="true">{ticks}<b>{last}</b></div><p>{escape(words)}</p>'
    )


def _missed_html(result: EvaluationResult, dataset: PoseDataset) -> str:
    counts = Counter(result.image_index[result.people_index < 0].tolist())
    if not counts:
        return '<p class="note">None.</p>'
    names = [
        (dataset.samples.image_names[int(image)].decode(), count)
        for image, count in sorted(counts.items())[:MAX_MISSED_NAMES]
    ]
    items = "".join(
        f"<li>{escape(name)}{f' ({count} people)' if count > 1 else ''}</li>"
        for name, count in names
    )
    more = len(counts) - len(names)
    rest = f"<p>… and in {more} more pictures.</p>" if more else ""
    return (
        f"<details><summary>{counts.total()} of {len(result.people_index)} people</summary>"
        f"<ul>{items}</ul>{rest}</details>"
    )
