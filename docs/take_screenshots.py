"""Takes the screenshots in docs/screenshots/, of a planted run with drawn films.

python -m docs.take_screenshots
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.reporting.planted import Planted

FOLDER = Path(__file__).resolve().parent / "screenshots"
SIZES = {"telephone": (360, 740), "desk": (1280, 900), "large": (3840, 2160)}
SCHEMES = ("light", "dark")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        report = Path(folder) / "out.html"
        Planted(300, names=()).write(report)
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                viewport = {"width": width, "height": height}
                page = browser.new_page(viewport=viewport, color_scheme=scheme)
                page.goto(report.as_uri())
                page.wait_for_timeout(300)
                keep(page, f"{size}-{scheme}-list")
                open_film(page, beside=size != "telephone")
                keep(page, f"{size}-{scheme}")
                page.close()
        browser.close()


def open_film(page: Page, *, beside: bool) -> None:
    """Read two films and stay on the third."""
    for key in ("j", "a", "j", "d", "j", *(("s",) if beside else ())):
        page.keyboard.press(key)
    page.wait_for_timeout(700)


def keep(page: Page, name: str) -> None:
    """Keep what is seen, at most 1600 pixels wide: some 100 kB."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.thumbnail((1600, 1600))
    picture.save(FOLDER / f"{name}.jpg", quality=82, optimize=True, progressive=True)


if __name__ == "__main__":
    main()
