"""The report as a person opens it: in a real browser, from a file, without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.films import draw_film, jpeg_bytes
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import load_card

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


def test_what_the_calls_hang_on_is_on_the_first_screen(page) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    box = page.locator("main dl.pairs").first
    card = load_card(model_folder(DEFAULT_MODEL))
    point = card.thresholds[card.default_rule]
    for text in (
        f"PNEUMONIA from P = {point.threshold:.4f} on ({card.default_rule})",
        f"sensitivity {100 * point.sensitivity:.1f} %",
        f"specificity {100 * point.specificity:.1f} %",
        "children of 1 to 5 years",
        "films",
    ):
        assert text in box.inner_text()
    place = box.bounding_box()
    assert place["y"] + place["height"] <= 900


def test_the_legend_stands_above_all_films(page) -> None:
    assert page.locator(".legend").count() == 1
    films = page.locator("article.film").first.bounding_box()
    assert page.locator(".legend").bounding_box()["y"] < films["y"]


SIZES = {
    "desk": ({"width": 1280, "height": 900}, 560),
    "telephone": ({"width": 360, "height": 740}, 320),
    "large": ({"width": 3840, "height": 2160}, 1000),
}


@pytest.mark.parametrize(("size", "wide"), SIZES.values(), ids=SIZES)
def test_a_click_enlarges_a_film_and_another_closes_it(page, size: dict, wide: int) -> None:
    page.set_viewport_size(size)
    label = page.locator("article.film .pictures").nth(3)
    picture = label.locator("img").first
    label.scroll_into_view_if_needed()
    before, scrolled = picture.bounding_box(), page.evaluate("scrollY")
    label.click()
    enlarged = picture.bounding_box()
    assert enlarged["width"] >= wide > before["width"]
    assert enlarged["x"] >= 0
    assert enlarged["height"] <= size["height"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    label.click()
    assert picture.bounding_box() == before
    assert page.evaluate("scrollY") == scrolled
    assert page.complaints == []


def test_the_keyboard_enlarges_a_film(page) -> None:
    films = page.locator("article.film")
    page.locator("nav a").last.focus()
    focused = "document.activeElement.id"
    for _ in range(3):  # tables that can be scrolled may come before
        page.keyboard.press("Tab")
        first = page.evaluate(focused)
        if first:
            break
    assert first == films.first.locator("input").get_attribute("id")
    outline = "e => getComputedStyle(e).outlineStyle + getComputedStyle(e).outlineWidth"
    assert films.first.locator(".pictures").evaluate(outline) == "solid3px"
    before = films.first.locator("img").first.bounding_box()["width"]
    page.keyboard.press("Space")
    assert films.first.locator("img").first.bounding_box()["width"] > 1.5 * before
    assert films.first.locator(".pictures").evaluate(outline) == "solid3px"
    page.keyboard.press("Tab")  # nothing behind it can be reached
    assert page.evaluate(focused) in ("", first)
    page.locator(f"#{first}").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == films.nth(1).locator("input").get_attribute("id")


# WCAG 2.2, 1.4.3: the contrast of each text with the nearest background that is painted
CONTRASTS = """() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => parts(colour).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => {
    const colour = getComputedStyle(e).backgroundColor;
    return parts(colour)[3] === 0 ? behind(e.parentElement) : colour;
  };
  const spoken = e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  return [...document.body.querySelectorAll('*')].filter(spoken).map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 80)];
  }).filter(([contrast]) => contrast < 4.5);
}"""


@pytest.mark.parametrize("enlarged", [False, True], ids=["list", "enlarged"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(page, scheme: str, enlarged: bool) -> None:
    page.emulate_media(color_scheme=scheme)
    if enlarged:
        page.locator("article.film .pictures").first.click()
    assert page.evaluate(CONTRASTS) == []


@pytest.mark.parametrize("width", [360, 1280, 3840])
def test_no_sideways_scrolling(page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
