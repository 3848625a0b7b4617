"""The report as a person opens it: in a real browser, from a file, without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.films import draw_film, jpeg_bytes

HOSTILE = (
    "<img src=x onerror=alert(1)>.png",
    '"><script>alert(1)<',
    "=cmd|' -C calc'!A0.jpg",
    "right\u202egnp.to left.jpg",
    "{{ 7 * 7 }}.jpg",
    "n" * 240 + ".jpg",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from typer.testing import CliRunner

    from xrayscan.cli import app

    folder = tmp_path_factory.mktemp("report")
    films = folder / "films"
    films.mkdir()
    for seed, name in enumerate(HOSTILE):
        (films / name).write_bytes(jpeg_bytes(draw_film(seed=seed)))
    (films / "cut & <b>bold &amp;.jpg").write_bytes(jpeg_bytes(draw_film(seed=9))[:3000])
    arguments = ["predict", str(films), "--report", str(folder / "out.html"), "-q"]
    result = CliRunner().invoke(app, [*arguments, "--admission", "off"])
    assert result.exit_code == 3, result.output
    return folder / "out.html"


@pytest.fixture(scope="module")
def browser(chromium: str):
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()


@pytest.fixture
def page(browser, report: Path):
    """The open report, with everything it asked for and complained of."""
    context = browser.new_context()
    opened = context.new_page()
    opened.requests = []
    opened.complaints = []
    opened.on("request", lambda request: opened.requests.append(request.url))
    opened.on("console", lambda message: opened.complaints.append(message.text))
    opened.on("pageerror", lambda fault: opened.complaints.append(str(fault)))
    opened.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
    opened.goto(report.as_uri())
    yield opened
    context.close()


def test_nothing_is_asked_of_anyone_and_the_console_is_clean(page, report: Path) -> None:
    asked = [url for url in page.requests if not url.startswith("data:")]
    assert asked == [report.as_uri()]
    assert page.complaints == []


def test_every_picture_loads(page) -> None:
    broken = "[...document.images].filter(i => !(i.complete && i.naturalWidth)).length"
    assert page.evaluate(broken) == 0
    assert page.evaluate("document.images.length") == 2 * len(HOSTILE)  # film and heat map


@pytest.mark.parametrize("name", [name for name in HOSTILE if "\u202e" not in name])
def test_hostile_names_show_as_text(page, name: str) -> None:
    assert page.get_by_role("heading", name=name, exact=True).count() == 1


def test_marks_that_turn_the_reading_direction_are_made_visible(page) -> None:
    text = page.inner_text("body")
    assert "right\\u202egnp.to left.jpg" in text
    assert "\u202e" not in text


def test_totals_and_lists_agree(page) -> None:
    totals = {
        box.locator("dt").inner_text(): int(box.locator("dd").inner_text())
        for box in page.locator(".totals > div").all()
    }
    assert totals["found"] == len(HOSTILE) + 1
    assert totals["scored"] == page.locator("article.film").count() == len(HOSTILE)
    assert totals["unreadable"] == page.locator("#unreadable tbody tr").count() == 1


def test_reason_and_next_step_are_in_words(page) -> None:
    row = page.locator("#unreadable tbody tr")
    assert "cut & <b>bold &amp;.jpg" in row.inner_text()
    assert "copy it again" in row.inner_text()


def test_it_says_what_it_is_not(page) -> None:
    assert page.get_by_text("Not a medical device").first.is_visible()


@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_no_sideways_scrolling(page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
