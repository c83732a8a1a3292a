"""The report: figures come out as they went in, and nothing in a file's name breaks the page."""

import base64
import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from rich.console import Console

from mobilehumanpose.data.images import ImageFolder
from mobilehumanpose.data.samples import PoseDataset
from mobilehumanpose.evaluate.report import (
    axis_end,
    format_tables,
    histogram_html,
    table_csv,
    table_html,
    write_report,
)
from mobilehumanpose.evaluate.results import EvaluationResult, ResultTable
from mobilehumanpose.evaluate.worst_cases import (
    PICTURE_PX,
    VIEW_MARGIN_PX,
    VIEW_PX,
    case_html,
    mean_errors,
    worst_people,
)
from mobilehumanpose.geometry import process_bbox, tight_box
from mobilehumanpose.media import encode_jpeg
from mobilehumanpose.skeleton import LSP_14, MUCO_21, MUPOTS_17, map_joints

HOSTILE = "<script>alert(1)<img src=x onerror='a'> \"@@CASES@@&.jpg"
GREY = (120, 120, 120)
TABLE = ResultTable(
    title="Error, by <action>/../joint",
    unit="mm",
    row_names=("Sit [bold]", "Walk, fast", "All"),
    column_names=("MPJPE", 'PA "rigid"'),
    values=np.array([[200.0, 50], [np.nan, 100], [20, 1 / 3]]),
)


class Page(HTMLParser):
    """The elements of a page as (tag, attributes, text before the next tag)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict, str]] = []
        self.texts: list[str] = []
        self.is_inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), ""))
        self.is_inside = True

    def handle_endtag(self, tag):
        self.is_inside = False

    def handle_data(self, data):
        self.texts.append(data)
        if self.is_inside:
            tag, attributes, text = self.elements[-1]
            self.elements[-1] = (tag, attributes, text + data)

    def all(self, tag: str, css_class: str | None = None) -> list[tuple[dict, str]]:
        return [
            (attributes, text)
            for name, attributes, text in self.elements
            if name == tag and css_class in (None, *attributes.get("class", "").split())
        ]

    def text(self) -> str:
        return "".join(self.texts)


@pytest.fixture
def people_mm() -> np.ndarray:
    """(4, 21, 3) people of MuCo's joints, two in each of two pictures."""
    rng = np.random.default_rng(3)
    places = np.array([[-500, 0, 4000], [500, 0, 4000], [-600, 0, 5000], [600, 0, 5000]])
    return rng.normal(size=(4, 21, 3)) * 250 + places[:, None]


@pytest.fixture
def evaluation(tmp_path, people_mm, make_samples, make_predictions):
    """Result, data set and predictions: four people in two pictures, one of whom was missed."""
    truth_mm, _ = map_joints(people_mm, MUCO_21, MUPOTS_17)
    names = ["grey.jpg", HOSTILE.replace("/", "")]
    for name in names:
        picture = np.full((1000, 1000, 3), GREY, np.uint8)
        (tmp_path / name).write_bytes(encode_jpeg(picture))
    samples = make_samples(truth_mm, MUPOTS_17, image_index=[0, 0, 1, 1], image_names=names)
    boxes = [process_bbox(tight_box(joints), (1000, 1000)) for joints in samples.keypoints_px]
    samples = replace(samples, boxes_xywh=np.array(boxes, np.float32))
    # Predictions are in another order, and of other joints.
    predictions = make_predictions(people_mm[[3, 0, 1]], MUCO_21, [1, 0, 0])
    errors = np.array([[10.0, 30], [400, np.nan], [np.nan, np.nan], [100, 120]])
    result = EvaluationResult(
        protocol="Protocol <3>",
        headline={"MPJPE, mm": 123.456, "AUC": 0.4321},
        tables=(TABLE,),
        joint_names=("Nose", "Toe"),
        joint_errors=errors,
        error_unit="mm",
        image_index=np.array([0, 0, 1, 1]),
        people_index=np.array([1, 2, -1, 0]),
        warnings=("Not <comparable>.",),
    )
    return (
        result,
        PoseDataset(name="made & up", samples=samples, images=ImageFolder(tmp_path)),
        (predictions),
    )


@pytest.fixture
def page(evaluation, tmp_path) -> Page:
    paths = write_report(tmp_path / "out", *evaluation, title="A & B")
    return Page(paths[-1].read_text(encoding="utf-8"))


# ---- tables --------------------------------------------------------------------------------------


def test_csv_holds_the_table():
    rows = list(csv.reader(io.StringIO(table_csv(TABLE))))
    assert rows[0] == ["mm", *TABLE.column_names]
    assert [row[0] for row in rows[1:]] == list(TABLE.row_names)
    values = [[float(cell) if cell else np.nan for cell in row[1:]] for row in rows[1:]]
    np.testing.assert_array_equal(values, TABLE.values)


@pytest.mark.parametrize("higher_is_better", [False, True])
def test_bars_are_as_long_as_their_figures(higher_is_better):
    html = table_html(replace(TABLE, higher_is_better=higher_is_better))
    widths = [float(number) for number in re.findall(r'class="bar" style="width:([\d.]+)%', html)]
    known = TABLE.values[np.isfinite(TABLE.values)]
    np.testing.assert_allclose(widths, known / 200 * 100, atol=0.006)
    text = Page(html).text()
    assert "Bars from 0 to 200 mm" in text
    assert f"longer is {'better' if higher_is_better else 'worse'}" in text


def test_what_was_not_measured_is_a_dash_without_a_bar():
    page = Page(table_html(TABLE))
    assert [text for _, text in page.all("span", "none")] == ["–"]
    assert len(page.all("span", "bar")) == 5
    nothing = replace(TABLE, values=np.full((3, 2), np.nan))
    assert len(Page(table_html(nothing)).all("span", "none")) == 6


def test_headers_say_what_they_head():
    page = Page(table_html(TABLE))
    heads = [(attributes["scope"], text) for attributes, text in page.all("th")]
    assert heads == [("col", name) for name in TABLE.column_names] + [
        ("row", name) for name in TABLE.row_names
    ]


def test_the_longer_side_goes_down_the_page():
    wide = replace(
        TABLE,
        row_names=TABLE.column_names,
        column_names=TABLE.row_names,
        values=TABLE.values.T,
    )
    assert table_html(wide) == table_html(TABLE)


@pytest.mark.parametrize(
    ("values", "unit", "end"),
    [
        ([0.0, 51.2], "%", 100),
        ([101.0], "%", 150),
        ([51.2, np.nan], "mm", 60),
        ([200.0], "mm", 200),
        ([0.07], "", 0.08),
        ([81000.0], "mm", 100_000),
        ([0.0], "mm", 1),
        ([np.nan], "mm", 1),
    ],
)
def test_axes_end_at_round_numbers(values, unit, end):
    assert axis_end(np.array(values), unit) == pytest.approx(end)


def test_the_text_holds_every_figure(evaluation):
    result = evaluation[0]
    wide = ResultTable(
        title="Wide",
        unit="mm",
        row_names=tuple(f"row {i}" for i in range(20)),
        column_names=tuple(f"column {i}" for i in range(16)),
        values=np.arange(320).reshape(20, 16) + 0.5,
    )
    text = io.StringIO()
    Console(file=text, width=80).print(format_tables(replace(result, tables=(TABLE, wide))))
    lines = text.getvalue()
    words = lines.split()
    assert {"123.5", "0.432", "200.0", "–", "0.3"} <= set(words)
    assert "Sit [bold]" in lines
    assert "Warning: Not <comparable>." in lines
    assert [word for word in words if word.endswith(".5")].count("319.5") == 1
    assert {f"{value}.5" for value in range(320)} <= set(words)
    assert max(map(len, lines.splitlines())) <= 80


# ---- the page ------------------------------------------------------------------------------------


def test_files_are_written_with_safe_names(evaluation, tmp_path):
    twins = replace(evaluation[0], tables=(TABLE, TABLE, replace(TABLE, title="…")))
    paths = write_report(tmp_path / "new" / "out", twins, *evaluation[1:], title="T")
    assert [path.name for path in paths] == [
        "summary.txt",
        "table-01-error-by-action-joint.csv",
        "table-02-error-by-action-joint.csv",
        "table-03.csv",
        "report.html",
    ]
    assert {path.parent for path in paths} == {tmp_path / "new" / "out"}
    assert sorted(p.name for p in paths[0].parent.iterdir()) == sorted(p.name for p in paths)
    assert paths[1].read_text(encoding="utf-8") == table_csv(TABLE)
    assert paths[0].read_text(encoding="utf-8").startswith("T\n")


def test_the_page_says_protocol_warnings_and_figures(page):
    text = page.text()
    assert "Protocol <3>" in text
    assert "Not <comparable>." in text
    assert "made & up · 4 people evaluated · 1 never predicted" in text
    assert [text for _, text in page.all("dt")] == ["MPJPE, mm", "AUC"]
    assert [text for _, text in page.all("dd")] == ["123.5", "0.432"]


def test_errors_by_joint_are_shown_once(page, evaluation, tmp_path):
    rows = [text for attributes, text in page.all("th") if attributes["scope"] == "row"]
    assert rows == [*TABLE.row_names, "Nose", "Toe"]
    # The mean of the known: (10 + 400 + 100) / 3 and (30 + 120) / 2.
    assert {"170", "75"} <= {text for _, text in page.all("td")}
    # A table of the protocol that already has all joints stands for it.
    result, *rest = evaluation
    own = ResultTable(
        title="Joints",
        unit="mm",
        row_names=("Nose", "Toe", "All"),
        column_names=("error",),
        values=np.ones((3, 1)),
    )
    paths = write_report(tmp_path / "own", replace(result, tables=(own,)), *rest, title="T")
    rows = [text for a, text in Page(paths[-1].read_text()).all("th") if a["scope"] == "row"]
    assert rows == ["Nose", "Toe", "All"]


def test_nothing_is_fetched_and_nothing_breaks_out(page, evaluation, tmp_path):
    names = np.array([b"a.jpg", b"b.jpg"])
    result, dataset, predictions = evaluation
    for old, new in zip(dataset.samples.image_names, names, strict=True):
        (tmp_path / old.decode()).rename(tmp_path / new.decode())
    tame = replace(dataset, samples=replace(dataset.samples, image_names=names))
    path = write_report(tmp_path / "tame", result, tame, predictions, title="A & B")[-1]
    tags = [tag for tag, _, _ in page.elements]
    assert tags == [tag for tag, _, _ in Page(path.read_text()).elements]
    assert set(tags) & {"script", "link", "iframe", "object", "embed", "base", "form"} == set()
    for _, attributes, _ in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert "href" not in attributes
        assert attributes.get("src", "data:image/jpeg;base64,").startswith("data:image/jpeg;base64")
    assert "http://" not in path.read_text()
    assert "https://" not in path.read_text()
    assert any(HOSTILE in text for _, text in page.all("span", "soft"))


def test_missed_people_are_listed_and_not_shown(page):
    assert [text for _, text in page.all("li")][-1] == HOSTILE
    assert "1 of 4 people" in page.text()
    assert len(page.all("figure")) == 3


# ---- the distribution ----------------------------------------------------------------------------


def test_columns_of_the_histogram_count_people():
    errors = np.array([0.5] * 6 + [29.9] * 3 + [np.nan] * 7)
    page = Page(histogram_html(errors, "px"))
    heights = [float(a["style"][7:-1]) for a, _ in page.all("i")]
    assert (heights[0], heights[-1]) == (100, 50)
    assert sum(heights) == 150
    assert [text for _, text in page.all("b")] == ["30 px"]
    assert "6 of 9 people" in page.text()


def test_the_last_column_holds_what_lies_beyond():
    errors = np.concatenate([np.linspace(0, 100, 300), [5000.0]])
    page = Page(histogram_html(errors, "mm"))
    assert [text for _, text in page.all("b")] == ["100+ mm"]
    assert "largest 5000.0 mm" in page.text()
    assert "Nobody" in histogram_html(np.array([np.nan]), "mm")


# ---- the worst cases -----------------------------------------------------------------------------


def test_the_largest_mean_error_comes_first(evaluation):
    result = evaluation[0]
    np.testing.assert_array_equal(mean_errors(result), [20, 400, np.nan, 110])
    assert worst_people(result, 12).tolist() == [1, 3, 0]
    assert worst_people(result, 2).tolist() == [1, 3]
    # What a protocol gives to people whom nobody predicted is no pose to look at.
    huge = replace(result, joint_errors=np.nan_to_num(result.joint_errors, nan=1e5))
    assert 2 not in worst_people(huge, 12)


def shown(html: str) -> np.ndarray:
    ((attributes, _),) = Page(html).all("img")
    encoded = base64.b64decode(attributes["src"].partition(",")[2])
    return cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB).astype(int)


def test_a_case_shows_both_poses_in_its_box(evaluation):
    html = case_html(3, *evaluation)
    page = Page(html)
    picture = shown(html)
    assert picture.shape == (PICTURE_PX, PICTURE_PX, 3)
    assert HOSTILE in page.all("img")[0][0]["alt"]
    assert "110.0 mm" in page.text()
    assert "largest 120.0 at Toe" in page.text()
    # The photograph is grey: white is the truth, orange the left side of the prediction.
    assert (np.abs(picture - 255).max(axis=2) < 60).any()
    assert (np.abs(picture - (230, 159, 0)).max(axis=2) < 60).any()
    assert (np.abs(picture - GREY).max(axis=2) < 10).mean() > 0.3


def test_a_prediction_is_shown_with_the_nearest_person(evaluation):
    result, dataset, predictions = evaluation
    # All predictions are exact: where the right person is found, both poses lie on one another.
    for person in (0, 1, 3):
        page = Page(case_html(person, result, dataset, predictions))
        ends = {
            kind: {(a["x1"], a["y1"], a["x2"], a["y2"]) for a, _ in page.all("line", kind)}
            for kind in ("predicted", "truth")
        }
        assert len(ends["truth"]) == 32
        # MuPoTS has MuCo's limbs less hands and toes, one of them the other way round.
        assert len(ends["truth"] & ends["predicted"]) >= 28


def test_a_prediction_is_shown_with_the_person_it_was_compared_with(evaluation):
    result, dataset, predictions = evaluation

    def truths(**changes) -> list[str]:
        page = Page(case_html(0, replace(result, **changes), dataset, predictions))
        return sorted(str(a) for a, _ in page.all("line", "truth"))

    nearest = truths()
    assert truths(sample_index=np.array([0, 1, 2, 3])) == nearest
    assert truths(sample_index=np.array([1, 0, 2, 3])) != nearest
    assert truths(sample_index=np.full(4, -1)) == nearest


def test_a_picture_without_a_label_is_said_so(evaluation):
    result, dataset, predictions = evaluation
    nobody = replace(dataset, samples=dataset.samples.subset(np.array([2, 3])))
    page = Page(case_html(0, result, nobody, predictions))
    assert "grey.jpg: the test set labels nobody in it" in page.text()
    assert not page.all("img")


def test_both_views_have_one_scale_and_its_bar_is_right(evaluation, people_mm):
    page = Page(case_html(0, *evaluation))
    around_root = people_mm[0] - people_mm[0, MUCO_21.root]
    scale = (VIEW_PX - 2 * VIEW_MARGIN_PX) / np.ptp(around_root, axis=0).max()
    ((path, _),) = page.all("path", "scale")
    start, end = map(float, re.fullmatch(r"M(\d+) .*H([\d.]+)m.*", path["d"]).groups())
    label = page.all("text")[-1][1]
    assert float(label.removesuffix(" mm")) * scale == pytest.approx(end - start, abs=0.06)
    # First limb of the prediction, from the front and from the side: y is the same, x is x or z.
    limbs = [a for a, _ in page.all("line", "predicted")]
    front, side = limbs[0], limbs[len(MUCO_21.edges)]
    a, b = MUCO_21.edges[0]
    along = (around_root[b] - around_root[a]) * scale
    for limb, axis in ((front, 0), (side, 2)):
        step = [float(limb[f"{name}2"]) - float(limb[f"{name}1"]) for name in "xy"]
        np.testing.assert_allclose(step, along[[axis, 1]], atol=0.11)


def test_a_picture_that_cannot_be_read_is_said_so(evaluation, tmp_path):
    (tmp_path / "grey.jpg").unlink()
    page = Page(case_html(0, *evaluation))
    assert not page.all("img")
    assert "No picture" in page.all("p", "note")[0][1]
    assert "grey.jpg" in page.all("p", "note")[0][1]


def test_without_depth_there_is_a_picture_but_no_view(evaluation):
    result, dataset, predictions = evaluation
    flat = replace(predictions, keypoints_mm=np.full_like(predictions.keypoints_mm, np.nan))
    samples = dataset.samples
    unknown = replace(samples, cameras=np.full_like(samples.cameras, np.nan))
    rootless = replace(
        samples,
        skeleton=replace(MUPOTS_17, root=LSP_14.root),
    )
    for one, other in (
        (dataset, flat),
        (replace(dataset, samples=unknown), predictions),
        (replace(dataset, samples=rootless), predictions),
    ):
        page = Page(case_html(0, result, one, other))
        assert len(page.all("img")) == 1
        assert not page.all("svg")
        assert "No view in 3D" in page.text()


def test_unknown_joints_are_left_out(evaluation):
    result, dataset, predictions = evaluation
    has_px = dataset.samples.has_px.copy()
    has_px[0, MUPOTS_17.index("R_Elbow")] = False
    part = replace(dataset, samples=replace(dataset.samples, has_px=has_px))
    whole, fewer = (Page(case_html(0, result, d, predictions)) for d in (dataset, part))
    assert len(whole.all("line", "truth")) - len(fewer.all("line", "truth")) == 4
