"""The report as a person opens it: in a real browser, from a file, without a network."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.reporting.planted import HOSTILE, Planted, picture_of
from xrayscan.cells import cell_text
from xrayscan.labels.listing import read_listing
from xrayscan.records import Assessment, Facts, Status
from xrayscan.reporting import pictures
from xrayscan.reporting.rows import row_json
from xrayscan.reporting.words import WORDS
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import load_card

ROWS = 120
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")


class Report:
    """A written report: its page and the rows in it."""

    def __init__(self, page: Path, rows: list[Assessment]) -> None:
        self.page = page
        self.rows = rows

    @property
    def worklist(self) -> list[Assessment]:
        """Rows that are to be read first, the most probable first."""
        card = load_card(model_folder(DEFAULT_MODEL))
        urgent = [row for row in self.rows if row.label == card.positive or row.zone == "review"]
        return sorted(urgent, key=lambda row: -(row.probability or 0))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    path = tmp_path_factory.mktemp("report") / "out.html"
    return Report(path, Planted(ROWS).write(path))


@pytest.fixture(scope="module")
def report_beside(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report whose pictures are files of their own, in a folder with an awkward name."""
    path = tmp_path_factory.mktemp("report") / "näch%te #1.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "ONE_FILE_BYTES", 0)
        return Report(path, Planted(ROWS, max_overlays=10).write(path))


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=chromium,
            args=flags,
            ignore_default_args=["--hide-scrollbars"],  # they take room, as on people's screens
        )
        yield opened
        opened.close()


class Tab:
    """A tab with everything that its page asked for and complained of."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(8000)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda fault: self.complaints.append(str(fault)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def open(self, report: Report, fragment: str = "") -> Any:
        self.page.goto(report.page.as_uri() + fragment)
        return self.page


@pytest.fixture
def tab(browser: Any) -> Iterator[Tab]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    opened = Tab(context)
    yield opened
    assert opened.complaints == [], "the console is clean after everything that was done"
    context.close()


@pytest.fixture
def page(tab: Tab, report: Report) -> Any:
    return tab.open(report)


def until(page: Any, expression: str) -> None:
    """Wait for something of the page; Playwright's own way may need eval, which is barred."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never true: {expression}")


def names(page: Any) -> list[str]:
    return page.locator("#list tbody tr:not(.spacer) .open").all_text_contents()


def shown(page: Any) -> int:
    return int(page.locator("#shown").text_content().split(" of ")[0])


def counts(page: Any) -> list[int]:
    return [int(count) for count in page.locator("#sections button span").all_text_contents()]


def visible(name: str) -> str:
    """A name as the page has to show it: nothing turned or hidden."""
    return name.replace("\u202e", "\\u202e").replace("\u2028", "\\u2028")


# --- opening ------------------------------------------------------------------------------------


def test_nothing_is_asked_of_anyone(tab: Tab, report: Report) -> None:
    page = tab.open(report)
    page.keyboard.press("j")
    until(page, "document.querySelector('.stage img').naturalWidth > 0")
    asked = [url for url in tab.requests if not url.startswith("data:")]
    assert asked == [report.page.as_uri()]


def test_the_most_urgent_films_come_first(page: Any, report: Report) -> None:
    expected = [visible(row.scan.name) for row in report.worklist]
    drawn = names(page)[: len(expected)]
    assert drawn == expected[: len(drawn)]
    assert len(drawn) > 5


def test_names_may_break_after_each_folder(page: Any) -> None:
    """WebKit breaks there only where it is told to."""
    name = "ward 2/2026-11/film-00051.dcm"
    page.goto(f"{page.url}#q={name.rpartition('/')[2]}")
    page.locator("#list .open").first.click()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    for place in ("#film-title", "#plain tbody th"):
        found = page.locator(place).first
        assert found.text_content() == name
        assert found.inner_html() == "ward 2/<wbr>2026-11/<wbr>film-00051.dcm"


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("folder", ["", "ward/", "a long name of a folder/" * 4, "ward" * 50 + "/"])
def test_a_files_name_is_seen_whatever_its_folder(page: Any, width: int, folder: str) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.evaluate("path => { rows[0][at.path] = path; refresh() }", folder + "film-00051.dcm")
    page.wait_for_timeout(50)
    name = page.locator("#list .clamp").first
    assert name.text_content() == folder + "film-00051.dcm"
    lines = """e => {
      const range = document.createRange();
      range.selectNodeContents(e.lastChild);
      const lines = range.getClientRects();
      const last = innerWidth < 400 ? lines[0] : lines[lines.length - 1];
      return [last.bottom, e.getBoundingClientRect().bottom];
    }"""
    bottom, edge = name.evaluate(lines)
    assert bottom <= edge + 1


def test_what_the_calls_hang_on_is_on_the_first_screen(page: Any) -> None:
    card = load_card(model_folder(DEFAULT_MODEL))
    point = card.thresholds[card.default_rule]
    box = page.locator(".summary")
    for text in (
        f"PNEUMONIA from P = {point.threshold:.4f} on ({card.default_rule})",
        f"sensitivity {100 * point.sensitivity:.1f} %",
        f"specificity {100 * point.specificity:.1f} %",
        "children of 1 to 5 years",
    ):
        assert text in box.inner_text()
    assert page.get_by_text("Not a medical device").first.is_visible()


@pytest.mark.parametrize(
    ("width", "height", "least"), [(1440, 900, 10), (1280, 720, 5), (768, 1024, 4)]
)
def test_films_are_on_the_first_screen(page: Any, width: int, height: int, least: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(50)
    last = page.locator("#list tbody tr:not(.spacer)").nth(least - 1).bounding_box()
    assert last["y"] + last["height"] <= height


def test_totals_and_counts_agree(page: Any, report: Report) -> None:
    totals = {
        box.locator("dt").inner_text(): int(box.locator("dd").inner_text())
        for box in page.locator(".totals > div").all()
    }
    statuses = [row.status for row in report.rows]
    assert totals["found"] == ROWS == shown(page)
    for status in set(Status) - {Status.ADMITTED}:
        assert totals[status.value.replace("_", " ")] == statuses.count(status)
    everything, *parts = counts(page)
    assert everything == sum(parts) == ROWS
    assert parts[0] == len(report.worklist)
    called = sum(row.label == "PNEUMONIA" for row in report.rows)
    assert totals["called PNEUMONIA"] == called
    assert totals["to read first"] == parts[0]
    assert totals["negative"] == parts[-1]


SUMS = """() => [...document.querySelectorAll('.totals dd')].map(
  dd => [getComputedStyle(dd, '::before').content[1], Number(dd.textContent)])"""


def test_totals_add_up_as_they_stand(page: Any) -> None:
    (_, reached), *others = page.evaluate(SUMS)
    assert [sign for sign, _ in others] == ["+", "=", "+", "=", "+", "+", "+", "="]
    for sign, number in others:
        reached = reached + number if sign == "+" else reached
        assert sign == "+" or reached == number


def test_hostile_names_are_texts_and_do_nothing(page: Any) -> None:
    for name in HOSTILE:
        page.locator("[name=q]").fill("")
        page.locator("[name=q]").fill(name[:40].replace("\u2028", " "))
        until(page, "document.querySelector('#shown').textContent.startsWith('1 of')")
        page.locator("#list .open").first.click()
        assert page.locator("#film-title").text_content() == visible(name)
        assert names(page) == [visible(name)]
    assert page.locator("body").inner_text().count("\u202e") == 0


# --- filters and order --------------------------------------------------------------------------


FILTERS = {
    "status": ("status", "unreadable", lambda row: row.status == "unreadable"),
    "zone": ("zone", "review", lambda row: row.zone == "review"),
    "label": ("label", "PNEUMONIA", lambda row: row.label == "PNEUMONIA"),
    "reason": ("reason", "truncated", lambda row: row.reason == "truncated"),
    "folder": ("folder", "ward 3", lambda row: row.scan.name.startswith("ward 3/")),
    "a folder within": ("folder", "ward 3/2026-11/", lambda row: "ward 3/" in row.scan.name),
    "no folder of that name": ("folder", "war", lambda row: False),
    "probability from": ("min", "0.5", lambda row: (row.probability or 0) >= 0.5),
    "probability to": ("max", "0.25", lambda row: (row.probability or 9) <= 0.25),
    "assessed from": ("from", "2026-11-22", lambda row: False),
    "assessed to": ("to", "2026-11-21", lambda row: True),
    "search in remarks": ("q", "FRAMES first", lambda row: "first of 2 frames" in row.detail),
    "search in reasons": ("q", "cut off", lambda row: row.reason == "truncated"),
    "search by content": ("q", "6b86b273ff34", lambda row: row.sha256.startswith("6b86b273ff34")),
    "no search amid content": ("q", "b86b273ff34", lambda row: False),
    "no search for few digits of content": ("q", "11", lambda row: "11" in row.scan.name),
    "read": ("verdict", "agree", lambda row: False),
}


@pytest.mark.parametrize(("field", "value", "passes"), FILTERS.values(), ids=FILTERS)
def test_filter(page: Any, report: Report, field: str, value: str, passes: Any) -> None:
    page.locator("details:has(.more-filters) summary").click()
    control = page.locator(f"#filters [name={field}]")
    if control.evaluate("e => e.tagName") == "SELECT":
        control.select_option(value)
    else:
        control.fill(value)
    expected = [row for row in report.rows if passes(row)]
    until(page, "location.hash.length > 1")
    assert shown(page) == len(expected)
    assert counts(page)[0] == sum(counts(page)[1:]) == len(expected)
    if len(expected) < 10:
        assert sorted(names(page)) == sorted(visible(row.scan.name) for row in expected)
    assert page.locator("#nothing").is_visible() is not bool(expected)


def test_the_address_keeps_filter_order_and_film(tab: Tab, report: Report) -> None:
    page = tab.open(report)
    page.locator("#sections button[value=worklist]").click()
    page.locator("[name=q]").fill("ward")
    page.get_by_role("button", name="File", exact=True).click()
    page.locator("#list .open").nth(1).click()
    until(page, "location.hash.includes('film=')")
    drawn, address = names(page), page.url
    title = page.locator("#film-title").text_content()
    again = tab.page.context.new_page()
    again.goto("about:blank")
    again.goto(address)
    assert names(again) == drawn == sorted(drawn)
    assert again.locator("#film-title").text_content() == title
    assert again.locator("[name=q]").input_value() == "ward"
    again.close()
    page.get_by_role("button", name="Clear filters").click()
    until(page, f"document.querySelector('#shown').textContent.startsWith('{ROWS} ')")


@pytest.mark.parametrize(("fragment", "seen"), [("zone=review", True), ("q=ward", False)])
def test_a_link_shows_the_filters_that_it_sets(
    tab: Tab, report: Report, fragment: str, seen: bool
) -> None:
    page = tab.open(report, "#" + fragment)
    assert page.locator("[name=zone]").is_visible() is seen


def test_a_list_of_no_films_speaks_of_no_filters(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "none.html"
    page = tab.open(Report(path, Planted(0).write(path)))
    assert page.locator("#nothing").inner_text() == "This run found no films."


ORDERS = {
    "File": lambda row: row.scan.name,
    "P": lambda row: -row.probability,
    "File dated (UTC)": lambda row: row.scan.modified_ns,
}


@pytest.mark.parametrize(("column", "key"), ORDERS.items(), ids=ORDERS)
def test_a_column_sorts_either_way(page: Any, report: Report, column: str, key: Any) -> None:
    page.locator("[name=q]").fill("ward film")
    rows = [row for row in report.rows if row.scan.name.startswith("ward")]
    if column == "P":
        rows = [row for row in rows if row.probability is not None]
    expected = [row.scan.name for row in sorted(rows, key=key)]
    button = page.get_by_role("button", name=column, exact=True)
    page.set_viewport_size({"width": 1900, "height": 900})
    for wanted in (expected, expected[::-1]):
        button.click()
        page.wait_for_timeout(100)
        drawn = names(page)
        assert len(drawn) > 5
        assert drawn == wanted[: len(drawn)]
    heading = page.locator("#list th[aria-sort]")
    assert heading.count() == 1
    assert heading.text_content() == column


def test_numbers_in_names_sort_as_numbers(page: Any) -> None:
    names_in_order = ["film 9.png", "Film 10.png", "film 10a/1.png", "film 100.png", "x"]
    compared = "names => [...names].sort((a, b) => (natural(a) > natural(b)) - 0.5)"
    assert page.evaluate(compared, names_in_order[::-1]) == names_in_order


# --- a film -------------------------------------------------------------------------------------


def open_first(page: Any) -> Any:
    page.locator("#list .open").first.click()
    until(page, "!document.querySelector('.stage canvas').hidden")
    return page.locator("#film")


def test_the_open_film_is_marked_in_the_list(page: Any) -> None:
    open_first(page)
    shadows = "cells => cells.map(cell => getComputedStyle(cell).boxShadow)"
    first, *others = page.locator("#list tbody th").evaluate_all(shadows)
    assert "inset" in first, "on its cell: WebKit gives a row no shadow"
    assert set(others) == {"none"}


def test_a_film_says_why(page: Any, report: Report) -> None:
    pane = open_first(page)
    text = pane.inner_text()
    first = report.worklist[0]
    for words in ("at or above the threshold", "called PNEUMONIA", "training films", first.sha256):
        assert words in text
    assert "1 is the strongest heat that 99 %" in text
    assert "What raised the score most lies in the" in text


FACTS = {
    "all": (Facts(54.0, "F", "PA"), {"Age": "54 years", "Sex": "F", "View": "PA"}),
    "a baby": (Facts(0.0), {"Age": "0 years"}),
    "above 89": (Facts(90.0, "M"), {"Age": "90 years or more", "Sex": "M"}),
    "the view alone": (Facts(view="AP"), {"View": "AP"}),
    "nothing": (Facts(), {}),
}


@pytest.mark.parametrize(("facts", "expected"), FACTS.values(), ids=FACTS)
def test_age_sex_and_view_stand_with_the_film(
    page: Any, report: Report, facts: Facts, expected: dict[str, str]
) -> None:
    row = json.loads(row_json(replace(report.worklist[0], facts=facts), 0))
    page.evaluate("row => { rows[0] = row; refresh() }", row)
    pane = open_first(page)
    names = pane.locator(".pairs dt").all_text_contents()
    pairs = dict(zip(names, pane.locator(".pairs dd").all_text_contents(), strict=True))
    assert {name: pairs[name] for name in pairs if name in ("Age", "Sex", "View")} == expected


def test_figures_of_a_film_have_their_units(page: Any) -> None:
    texts = "list => [...list.children].map(pair => [...pair.children].map(e => e.textContent))"
    said = dict(open_first(page).locator(".pairs").evaluate(texts))
    assert said["Format"].endswith("2021 × 1955 pixels")
    assert re.search(r" bytes, \d{4}-\d\d-\d\d \d\d:\d\d UTC$", said["File"])
    assert said["Assessed"].endswith(" UTC")


@pytest.mark.parametrize("mark", ["tested", "weak", "untested"])
def test_how_far_a_heat_map_was_tested_is_said_beside_it(
    page: Any, report: Report, mark: str
) -> None:
    words = WORDS["marks"][mark]
    row = next(row for row in report.worklist if marked(report, row) == mark)
    page.locator("[name=q]").fill(row.sha256)
    until(page, "document.querySelector('#shown').textContent.startsWith('1 of')")
    assert page.locator("#list .mark").text_content() == words["title"]
    pane = open_first(page)
    badge = pane.locator(".mark")
    assert badge.is_visible()
    assert (badge.text_content(), badge.get_attribute("title")) == (
        words["title"],
        words["meaning"],
    )
    assert words["meaning"] in pane.locator(".why").inner_text(), "for whom no title is read"
    described = pane.locator(".stage[aria-describedby]").get_attribute("aria-describedby")
    assert page.locator(f"#{described}").text_content() == words["title"]
    page.set_viewport_size({"width": 360, "height": 740})
    page.keyboard.press("Escape")
    assert page.locator("#list .reason-here").first.inner_text().startswith(words["short"])


def marked(report: Report, row: Assessment) -> str:
    """The mark that the planted film was given."""
    test = picture_of(report.rows.index(row), row.probability).test
    assert test is not None
    (reliable,) = test.answer([test.heat_map])
    return {True: "tested", False: "weak", None: "untested"}[reliable]


def test_films_are_found_by_their_mark(page: Any, report: Report) -> None:
    page.locator("[name=q]").fill("heat not reliable")
    scored = [row for row in report.rows if row.status is Status.SCORED]
    weak = sum(marked(report, row) == "weak" for row in scored)
    until(page, f"document.querySelector('#shown').textContent.startsWith('{weak} of')")


def test_a_film_without_heat_map_speaks_of_none(page: Any) -> None:
    pane = open_first(page)
    page.keyboard.press("s")
    page.locator("#sections button[value=not_assessed]").click()
    assert page.locator("#list .mark").count() == 0
    page.locator("#list .open").first.click()
    assert pane.locator(".mark").count() == 0
    assert "heat" not in pane.inner_text().lower()
    for media in ("screen", "print"):
        page.emulate_media(media=media)
        (stage,) = [stage for stage in pane.locator(".stage").all() if stage.is_visible()]
        assert stage.get_attribute("aria-label").startswith("Film as it is;")
        assert stage.bounding_box()["width"] > 0.9 * stage.locator("..").bounding_box()["width"]


SIDES = {0: "upper left", 3: "upper centre", 6: "upper right"}


@pytest.mark.parametrize(("column", "where"), SIDES.items(), ids=SIDES.values())
def test_a_side_is_said_to_be_the_pictures(page: Any, column: int, where: str) -> None:
    """Films are read by the patient's sides, which are the other ones."""
    levels = base64.b64encode(bytes(200 * (place == column) for place in range(49))).decode()
    said = page.evaluate("heat => heatText(hottest(heat))", [7, 7, levels])
    assert f"lies in the {where} of the picture" in said
    assert ("(side as seen, not the patient's)" in said) is (column != 3)


def test_the_colours_are_explained_beside_the_picture(page: Any) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    pane = open_first(page)
    page.wait_for_timeout(50)
    scale = pane.locator(".scale").bounding_box()
    assert scale["y"] + scale["height"] <= 900
    assert pane.locator(".scale").inner_text().split() == ["0", "1"]


PIXELS = """canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let strongest = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > data[strongest + 3]) strongest = i;
  const place = strongest / 4;
  return {colour: [...data.slice(strongest, strongest + 4)],
          x: place % canvas.width / canvas.width,
          y: Math.floor(place / canvas.width) / canvas.height};
}"""


def test_the_browser_draws_heat_as_overlays_are_drawn(page: Any, report: Report) -> None:
    """The same colours and the same shape as the overlay that the training report draws."""
    import cv2
    import numpy as np

    from xrayscan.reporting.overlay import STRONGEST, colour_table

    open_first(page)
    first = report.worklist[0]
    heat = picture_of(report.rows.index(first), first.probability).heat
    assert heat is not None
    canvas = page.locator(".stage canvas")
    size = canvas.evaluate("c => [c.width, c.height]")
    smooth = np.clip(cv2.resize(heat, size, interpolation=cv2.INTER_CUBIC), 0, 1)
    down, across = np.unravel_index(int(smooth.argmax()), smooth.shape)
    drawn = canvas.evaluate(PIXELS)
    level = round(float(smooth.max()) * 255)
    table = bytes.fromhex(colour_table())
    wanted = np.array([*table[3 * level : 3 * level + 3], STRONGEST * level])
    assert np.abs(np.array(drawn["colour"]) - wanted).max() <= 4
    assert abs(drawn["x"] - across / size[0]) < 0.03
    assert abs(drawn["y"] - down / size[1]) < 0.03


def test_slider_and_keys_change_what_is_seen(page: Any) -> None:
    pane = open_first(page)
    stage = pane.locator(".stage").nth(1)
    plain = stage.screenshot()
    opacity = "document.querySelector('.stage canvas').style.opacity"
    slider = pane.get_by_label("Heat map over film")
    slider.focus()
    for _ in range(50):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate(opacity) == "0.5"
    half = stage.screenshot()
    page.keyboard.press("o")
    assert page.evaluate(opacity) == "0"
    bare = stage.screenshot()
    page.keyboard.press("i")
    inverted = stage.screenshot()
    assert len({plain, half, bare, inverted}) == 4
    page.keyboard.press("i")
    assert stage.screenshot() == bare
    page.keyboard.press("s")
    assert pane.locator(".stage").first.is_visible()


def test_dragging_changes_window_and_level_and_the_wheel_enlarges(page: Any) -> None:
    pane = open_first(page)
    stage = pane.locator(".stage").nth(1)
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    plain = stage.screenshot()
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 100, middle[1] - 40, steps=4)
    page.mouse.up()
    assert pane.get_by_label("Window (contrast)").input_value() == "156"
    assert pane.get_by_label("Level (brightness)").input_value() == "148"
    assert stage.screenshot() != plain
    page.mouse.wheel(0, -100)
    assert "zoom 1.3" in pane.inner_text()
    transform = "document.querySelectorAll('.sheet')[1].style.transform"
    before = page.evaluate(transform)
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(middle[0] - 60, middle[1], steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert page.evaluate(transform) != before
    stage.focus()
    page.keyboard.press("0")
    assert "level 128, window 256, zoom 1.0" in pane.inner_text()
    page.wait_for_timeout(50)
    assert stage.screenshot() is not None


def test_enlarging_and_moving_need_no_dragging(page: Any) -> None:
    pane = open_first(page)
    stage = pane.locator(".stage").nth(1)
    stage.dblclick(position={"x": 30, "y": 200})
    transform = "document.querySelectorAll('.sheet')[1].style.transform"
    assert "zoom 2.0" in pane.inner_text()
    moved = page.evaluate(transform)
    assert "translate(0%, 0%)" not in moved, "the place that was clicked stays under the pointer"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(transform) != moved
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    assert "translate(-50%" in page.evaluate(transform), "the film does not leave its frame"
    pane.get_by_role("button", name="Reset").click()
    assert page.evaluate(transform) == "translate(0%, 0%) scale(1)"


def test_a_verdict_moves_no_film_away_from_whoever_reads_it(page: Any) -> None:
    page.locator("details:has(.more-filters) summary").click()
    page.locator("[name=verdict]").select_option("unread")
    until(page, "location.hash.includes('verdict=unread')")
    page.locator("#list .open").first.click()
    title = page.locator("#film-title").text_content()
    page.keyboard.press("a")
    assert page.locator("#film-title").text_content() == title
    assert shown(page) == counts(page)[0] == ROWS
    page.locator("[name=verdict]").select_option("agree")
    until(page, "document.querySelector('#shown').textContent.startsWith('1 of')")
    assert names(page) == [title]


def test_pictures_beside_the_page_load(tab: Tab, report_beside: Report) -> None:
    page = tab.open(report_beside)
    open_first(page)
    picture = page.locator(".stage img").nth(1)
    assert picture.evaluate("i => i.naturalWidth") == 512
    asked = [url for url in tab.requests if not url.startswith("data:")]
    assert all(url.startswith(report_beside.page.parent.as_uri()) for url in asked)
    assert len(asked) == 2, "only the page and the picture that is seen"


def test_a_film_without_picture_says_so(tab: Tab, report_beside: Report) -> None:
    page = tab.open(report_beside, "#status=unreadable")
    page.locator("#list .open").first.click()
    assert page.get_by_text("No picture of this film").is_visible()
    assert "cut off: ends in the middle" in page.locator("#film .why").inner_text()
    assert page.locator("#film .called").inner_text().split("\n") == ["unreadable", "cut off"]


# --- reading ------------------------------------------------------------------------------------


def read_some(page: Any) -> None:
    page.locator("#list .open").first.click()
    page.locator("#reader").fill("=A.B.")
    page.keyboard.press("Escape")
    page.locator("#list .open").first.focus()
    for key in ("j", "a", "j", "d", "j", "u", "k"):  # ends on the second film
        page.keyboard.press(key)
    page.keyboard.press("n")
    page.keyboard.type('a "note", with\ttwo parts; j k a')
    page.keyboard.press("Escape")


def test_reading_by_keyboard(page: Any, report: Report) -> None:
    read_some(page)
    verdicts = [cell.text_content() for cell in page.locator("#list td.c-verdict").all()[:4]]
    assert verdicts == ["agree", "disagree", "unsure", ""]
    assert page.locator("#read").text_content() == "3 read"
    page.reload()
    assert page.locator("#read").text_content() == "3 read", "the browser keeps them"
    page.locator("details:has(.more-filters) summary").click()
    page.locator("[name=verdict]").select_option("disagree")
    assert names(page) == [visible(report.worklist[1].scan.name)]


def test_the_same_key_again_takes_a_verdict_back(page: Any) -> None:
    page.keyboard.press("j")
    page.keyboard.press("a")
    assert page.locator("[data-verdict=agree]").get_attribute("aria-pressed") == "true"
    page.keyboard.press("a")
    assert page.locator("[data-verdict=agree]").get_attribute("aria-pressed") == "false"
    assert page.locator("#read").text_content() == "0 read"


def test_single_keys_can_be_turned_off(page: Any) -> None:
    page.get_by_role("button", name="Keys").click()
    page.locator("#keys-on").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    assert page.locator("#film").is_hidden()


@pytest.mark.parametrize("width", [360, 1280])
def test_keys_are_listed_over_the_film_that_is_read(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    pane = open_first(page)
    page.keyboard.press("?")
    listed = page.locator("#keys .keys")
    box = listed.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 740
    page.keyboard.press("Escape")
    assert listed.is_hidden()
    assert pane.is_visible()


def test_the_keyboard_goes_where_a_link_leads(page: Any) -> None:
    page.get_by_role("link", name="The model").press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#model') !== null")


def exported(page: Any, kind: str) -> Path:
    with page.expect_download() as download:
        page.locator(f"#export-{kind}").click()
    return Path(download.value.path())


def test_exported_verdicts_are_read_back(page: Any, report: Report) -> None:
    read_some(page)
    text = exported(page, "csv").read_text(encoding="utf-8")
    rows = [
        {name: cell_text(cell) for name, cell in row.items()}
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]
    first, second, third = report.worklist[:3]
    other = {"PNEUMONIA": "NORMAL", "NORMAL": "PNEUMONIA"}
    expected = [
        (first, "agree", first.label, ""),
        (second, "disagree", other[second.label], 'a "note", with\ttwo parts; j k a'),
        (third, "unsure", "", ""),
    ]
    assert [
        (row["path"], row["sha256"], row["verdict"], row["label"], row["note"]) for row in rows
    ] == [(row.scan.name, row.sha256, *said) for row, *said in expected]
    assert {row["reader"] for row in rows} == {"=A.B."}
    assert all(row["time"].startswith("20") and row["time"].endswith("Z") for row in rows)
    assert all(not cell.startswith("=") for line in csv.reader(io.StringIO(text)) for cell in line)
    assert json.loads(exported(page, "json").read_text(encoding="utf-8"))["verdicts"] == [
        {**row, "probability": float(row["probability"])} for row in rows
    ]


@pytest.mark.parametrize("leave", ["Escape", "Enter", "Tab"])
def test_initials_typed_later_go_into_the_verdicts_of_this_sitting(page: Any, leave: str) -> None:
    def readers() -> list[str]:
        entries = json.loads(exported(page, "json").read_text(encoding="utf-8"))["verdicts"]
        return [entry["reader"] for entry in entries]

    for key in "ja":
        page.keyboard.press(key)
    page.reload()
    for key in ("Escape", "j", "j", "d", "j", "a", "a", "j", "u"):
        page.keyboard.press(key)
    page.wait_for_timeout(20)
    for initials in ("A.B.", "C.D."):
        page.locator("#reader").fill("")
        page.locator("#reader").press_sequentially(initials)
        page.keyboard.press(leave)
        assert readers() == ["", "A.B.", "A.B."], "neither earlier ones nor another reader's"
        page.keyboard.press("j")


def offered(page: Any) -> list[str]:
    buttons = page.locator("[data-verdict]").all()
    return [button.get_attribute("data-verdict") for button in buttons if button.is_visible()]


def test_a_film_without_a_result_is_given_a_class(page: Any) -> None:
    open_first(page)
    assert offered(page) == ["agree", "disagree", "unsure"]
    page.locator("#sections button[value=not_assessed]").click()
    page.locator("#list .open").first.click()
    assert offered(page) == ["NORMAL", "PNEUMONIA", "unsure"]
    for key, verdict in (
        ("a", ""),
        ("2", "PNEUMONIA"),
        ("1", "NORMAL"),
        ("1", ""),
        ("2", "PNEUMONIA"),
    ):
        page.keyboard.press(key)
        until(page, f"document.querySelector('#list td.c-verdict').textContent === '{verdict}'")
    assert page.locator("[data-verdict][aria-pressed=true]").text_content().startswith("PNEUMONIA")
    page.locator("details:has(.more-filters) summary").click()
    page.locator("[name=verdict]").select_option("PNEUMONIA")
    until(page, "document.querySelector('#shown').textContent.startsWith('1 of')")
    page.locator("#filters [type=reset]").click()
    open_first(page)
    for key in "12":
        page.keyboard.press(key)
    assert page.locator("#read").text_content() == "1 read", "where there is a call, none is named"


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_evaluate_understands_what_is_said_of_films_without_a_result(
    page: Any, report: Report, tmp_path: Path, kind: str
) -> None:
    page.locator("[name=q]").fill("ward film")
    read = {}
    for section, keys in (("not_assessed", "12u"), ("unreadable", "21u"), ("worklist", "adu")):
        page.locator(f"#sections button[value={section}]").click()
        page.locator("#list .open").first.click()
        for key in keys:
            page.keyboard.press(key)
            read[page.locator("#film-title").text_content()] = key
            page.keyboard.press("j")
    verdicts = tmp_path / f"verdicts.{kind}"
    verdicts.write_bytes(exported(page, kind).read_bytes())
    called = {row.scan.name: row.label for row in report.rows}
    classes = {"1": "NORMAL", "2": "PNEUMONIA"}
    other = {"PNEUMONIA": "NORMAL", "NORMAL": "PNEUMONIA"}
    expected = {
        name: classes.get(key) or (called[name] if key == "a" else other[called[name]])
        for name, key in read.items()
        if key != "u"
    }
    assert len(expected) >= 4
    entries = read_listing(verdicts, Path("films"))
    assert {entry.location.removeprefix("films/"): entry.label for entry in entries} == expected


def test_a_class_that_was_named_is_a_verdict_on_a_later_call(page: Any, tmp_path: Path) -> None:
    page.locator("#sections button[value=not_assessed]").click()
    page.locator("#list .open").first.click()
    page.keyboard.press("2")
    for label, verdict in (("PNEUMONIA", "agree"), ("NORMAL", "disagree"), ("", "PNEUMONIA")):
        page.evaluate("label => { openRow()[at.label] = label }", label)
        assert page.evaluate("verdictOf(openRow())") == verdict


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_verdicts_are_taken_in_again(page: Any, tmp_path: Path, kind: str) -> None:
    read_some(page)
    kept = exported(page, kind).read_text(encoding="utf-8")
    (tmp_path / f"verdicts.{kind}").write_text(kept, encoding="utf-8", newline="")
    page.evaluate("localStorage.clear()")
    page.reload()
    assert page.locator("#read").text_content() == "0 read"
    page.locator("#import").set_input_files(tmp_path / f"verdicts.{kind}")
    until(page, "document.querySelector('#said').textContent.startsWith('3 verdicts')")
    assert page.locator("#read").text_content() == "3 read"
    assert exported(page, kind).read_text(encoding="utf-8") == kept
    page.locator("#import").set_input_files(tmp_path / f"verdicts.{kind}")
    until(page, "document.querySelector('#said').textContent.startsWith('0 verdicts')")


def test_a_class_that_was_named_is_taken_in_again(page: Any, tmp_path: Path) -> None:
    page.locator("#sections button[value=unreadable]").click()
    page.locator("#list .open").first.click()
    page.keyboard.press("1")
    kept = exported(page, "csv").read_text(encoding="utf-8")
    (tmp_path / "verdicts.csv").write_text(kept, encoding="utf-8", newline="")
    page.evaluate("localStorage.clear()")
    page.reload()
    assert page.locator("#read").text_content() == "0 read"
    page.locator("#import").set_input_files(tmp_path / "verdicts.csv")
    until(page, "document.querySelector('#said').textContent.startsWith('1 verdicts')")
    page.reload()
    assert page.locator("#read").text_content() == "1 read"
    assert exported(page, "csv").read_text(encoding="utf-8") == kept


def test_another_file_is_not_taken_for_verdicts(page: Any, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    page.locator("#import").set_input_files(tmp_path / "other.csv")
    until(page, "document.querySelector('#said').textContent.includes('no verdicts')")


# --- everybody, everywhere ----------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_serious(page: Any, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core")
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for step in ("list", "film", "keys"):
        if step == "film":
            open_first(page)
        elif step == "keys":
            page.keyboard.press("?")
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = axe.Axe().run(page, options={"runOnly": tags}).response["violations"]
        said = [(rule["id"], [node["html"][:100] for node in rule["nodes"]]) for rule in found]
        assert said == []


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_no_sideways_scrolling(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    fits = "document.documentElement.scrollWidth <= window.innerWidth"
    assert page.evaluate(fits)
    open_first(page)
    assert page.evaluate(fits)


NAMES = """() => {
  const cells = [...document.querySelectorAll('#list tbody th')];
  const boxes = cells.map(cell => cell.getBoundingClientRect());
  return [boxes[0].width, [...new Set(boxes.map(box => Math.round(box.height)))]];
}"""


@pytest.mark.parametrize("width", [420, 700, 790, 1024, 1280, 1366, 1440, 1600, 1680, 1920, 2560])
def test_names_have_room_beside_an_open_film(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for opened in (False, True):
        if opened:
            open_first(page)
            page.wait_for_timeout(50)
        width_of_names, heights = page.evaluate(NAMES)
        least = 160 if width in (420, 1024) else 180  # no column is left to go at the narrowest
        assert width_of_names >= least
        assert len(heights) == 1, "rows are as high as the list counts on"


@pytest.mark.parametrize("width", [360, 800, 1024, 1280, 1440, 1920])
@pytest.mark.parametrize("key", ["", "j"], ids=["list alone", "beside an open film"])
def test_a_probability_stands_on_one_line(page: Any, width: int, key: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    if key:
        page.keyboard.press(key)
    # found and measured in one step: the list may be drawn anew for the new width in between
    lines = """() => {
        const cell = document.querySelector("#list td.c-probability");
        cell.textContent = "> 0.999";
        const text = document.createRange();
        text.selectNodeContents(cell);
        const room = cell.clientWidth - parseFloat(getComputedStyle(cell).paddingLeft);
        return [text.getClientRects().length, text.getBoundingClientRect().width <= room];
    }"""
    assert page.evaluate(lines) == [1, True]


def test_on_a_telephone_a_film_covers_the_page(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    pane = open_first(page)
    assert pane.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 740}
    assert page.evaluate("document.activeElement.id") == "film-title"
    for _ in range(40):  # nothing behind it can be reached
        page.keyboard.press("Tab")
        inside = "document.activeElement === document.body || film.contains(document.activeElement)"
        assert page.evaluate(inside.replace("film.", "document.querySelector('#film')."))
    page.keyboard.press("Escape")
    assert pane.is_hidden()
    assert page.evaluate("document.activeElement.className") == "open"


@pytest.mark.parametrize("width", [360, 1280])
def test_reasons_are_in_words_in_the_list(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.locator("#sections button[value=unreadable]").click()
    row = page.locator("#list tbody tr:not(.spacer)").first
    words = row.locator(".reason-here" if width == 360 else ".c-reason")
    assert words.is_visible()
    assert words.text_content() == "cut off: ends in the middle of the picture; copy it again"


def test_print_has_the_rows_of_the_filter(page: Any, tmp_path: Path) -> None:
    page.locator("#sections button[value=unreadable]").click()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    plain = page.locator("#plain")
    assert plain.is_visible()
    assert page.locator("#list").is_hidden()
    assert plain.locator("tbody tr").count() == shown(page) > 0
    assert "section unreadable" in plain.locator("caption").text_content()


def test_print_has_verdicts_and_notes(page: Any) -> None:
    read_some(page)
    page.locator("#list .open").nth(1).click()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#film-said").is_hidden(), "on the screen, buttons say it"
    page.emulate_media(media="print")
    said = page.locator("#film-said").inner_text()
    assert said.startswith("Verdict: disagree (=A.B., 20"), said
    assert said.endswith(r'): a "note", with\u0009two parts; j k a'), said
    cells = page.locator("#plain tbody td:last-child").all_text_contents()
    assert cells[1].replace("\t", " ") in said
    assert cells[0].startswith("agree (=A.B., 20")
    assert set(cells[3:]) == {""}
    page.set_viewport_size({"width": 720, "height": 1000})  # A4 with its margins
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.emulate_media(media="screen")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("#film-said").is_hidden(), "nothing was said of this one"


def test_paper_says_what_heat_means(page: Any) -> None:
    pane = open_first(page)
    page.emulate_media(media="print")
    assert pane.get_by_text("not where disease is").is_visible()
    assert pane.locator(".scale").is_visible()


def test_no_column_is_cut_off_on_paper(page: Any) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})  # A4 with its margins
    over = "boxes => boxes.map(box => box.scrollWidth - box.clientWidth)"
    boxes = page.locator(".scroll").evaluate_all(over)
    assert len(boxes) == 2
    assert max(boxes) <= 0


def test_without_scripts_the_first_rows_are_there(browser: Any, report: Report) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.page.as_uri())
    first = page.locator("#plain tbody tr").first
    assert first.is_visible()
    assert visible(report.worklist[0].scan.name) in first.inner_text()
    assert page.locator("#filters").is_hidden()
    context.close()


def test_many_rows_are_drawn_in_windows(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "many.html"
    many = Report(path, Planted(20_000, pictures=False).write(path))
    page = tab.open(many)
    assert shown(page) == 20_000
    assert page.locator("#list tbody tr").count() < 60
    page.locator("#list").evaluate("e => e.scrollTop = e.scrollHeight")
    page.wait_for_timeout(200)
    negatives = [row for row in many.rows if row.zone == "negative"]
    last = sorted(negatives, key=lambda row: -(row.probability or 0))[-1]
    assert names(page)[-1] == last.scan.name
    assert page.locator("#list tbody tr").count() < 60
