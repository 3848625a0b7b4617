"""What the report costs at 50,000 rows; renews its table in benchmarks/results.md.

Usage:
    python -m benchmarks.report_page

Each way is written in a process of its own, whose largest memory is taken, and opened in Chromium
(needs playwright and Chromium on the PATH): until the page is usable, how it scrolls and searches,
and the memory of its tab.
"""

from __future__ import annotations

import datetime
import json
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results.md"
TITLE = "## The report at 50,000 rows"
WAYS: Mapping[str, tuple[int, bool, bool]] = {  # rows, with pictures, in one file
    "300 rows": (300, True, False),
    "50,000 rows, no pictures": (50_000, False, False),
    "50,000 rows, pictures beside": (50_000, True, False),
    "50,000 rows, `--self-contained`": (50_000, True, True),
}
COLUMNS = (
    "way", "written in, s", "of that the page, s", "memory of writing, MB", "page, MB", "files",
    "files, MB", "usable after, s", "frame while scrolling, ms", "worst frame, ms", "search, ms",
    "memory of the tab, MB",
)  # fmt: skip

# Scrolls through the whole list in 120 frames; returns their median time and the longest, ms.
SCROLL = """() => new Promise(done => {
  const list = document.querySelector('#list');
  const frames = [];
  let last = performance.now();
  const step = now => {
    frames.push(now - last);
    last = now;
    list.scrollTop = list.scrollHeight * frames.length / 120;
    if (frames.length < 120) return requestAnimationFrame(step);
    frames.sort((a, b) => a - b);
    done([frames[60], frames[119]]);
  };
  requestAnimationFrame(step);
})"""
# From a keystroke in the search field to the list that answers it.
SEARCH = """() => new Promise(done => {
  const field = document.querySelector('[name=q]'), shown = document.querySelector('#shown');
  const begun = performance.now();
  new MutationObserver(() => requestAnimationFrame(() => done(performance.now() - begun)))
    .observe(shown, {childList: true});
  field.value = 'film-0123';
  field.dispatchEvent(new Event('input', {bubbles: true}));
})"""


def main() -> None:
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for way, (rows, pictures, one_file) in WAYS.items():
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "out.html"
            arguments = [str(page), str(rows), str(int(pictures)), str(int(one_file))]
            command = [sys.executable, "-m", "benchmarks.report_page", "write", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            cells = [way, *json.loads(done.stdout), *sizes(page), *opened(page)]
        lines.append(
            f"| {' | '.join(cell if isinstance(cell, str) else short(cell) for cell in cells)} |"
        )
        print(lines[-1])
    renew(lines)


def write(page: str, rows: str, pictures: str, one_file: str) -> None:
    """Write one report; prints the seconds of all and of the page alone, and the memory in MB."""
    from tests.reporting import planted
    from xrayscan.reporting.html import ReportOptions, write_report

    spent: list[float] = []

    def timed(*arguments: Any) -> None:
        began = time.perf_counter()
        write_report(*arguments)
        spent.append(time.perf_counter() - began)

    planted.write_report = timed  # type: ignore[assignment, attr-defined]
    run = planted.Planted(int(rows), pictures=bool(int(pictures)), distinct=True)
    began = time.perf_counter()
    run.write(Path(page), ReportOptions(self_contained=bool(int(one_file))))
    whole = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([whole, spent[0], memory]))


def sizes(page: Path) -> tuple[float, str, float]:
    """The page in MB, how many files stand beside it, and these in MB."""
    folder = page.with_name("out_files")
    files = list(folder.iterdir()) if folder.is_dir() else []
    beside = sum(file.stat().st_size for file in files) / 1e6
    return page.stat().st_size / 1e6, str(len(files)), beside


def opened(page: Path) -> tuple[float, ...]:
    """Seconds until usable, frames and search in ms, memory of the tab in MB; best of three."""
    from playwright.sync_api import sync_playwright

    tries = []
    for _ in range(3):
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            began = time.perf_counter()
            tab.goto(page.as_uri(), wait_until="commit")
            tab.locator("#list .open").first.wait_for()
            usable = time.perf_counter() - began
            tab.wait_for_timeout(500)
            scroll, search = tab.evaluate(SCROLL), tab.evaluate(SEARCH)
            tries.append((usable, *scroll, search, memory_of(browser)))
            browser.close()
    return tuple(min(column) for column in zip(*tries, strict=True))


def memory_of(browser: Any) -> float:
    """Resident memory of the largest process that draws pages, MB."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    drawing = [int(process["id"]) for process in processes if process["type"] == "renderer"]
    return max(
        int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{number}/status").read_text())[1]) / 1024  # type: ignore[index]
        for number in drawing
    )


def short(value: float) -> str:
    return f"{value:.1f}" if value < 20 else f"{value:.0f}"


def renew(lines: list[str]) -> None:
    """Put the table in the place of the old one, or at the end."""
    text = RESULTS.read_text(encoding="utf-8")
    before, _, old = text.partition(f"\n{TITLE}\n")
    after = "".join(re.split(r"(?=^## )", old, maxsplit=1, flags=re.MULTILINE)[1:])
    cpu = f"{platform.machine()}, Python {platform.python_version()}"
    head = (
        f"{TITLE}\n\n`python -m benchmarks.report_page`, {datetime.date.today()}, {cpu}, with\n"
        "other work beside it. Planted rows, each with a picture of its own; 2000 of those to\n"
        "read first and 200 others are shown with theirs. Headless Chromium without a GPU, best\n"
        "of three. The bounds: usable within 2 s, and 25 MB for a page not asked to be one file.\n"
        "Search waits 120 ms for the next key; the list is scrolled from end to end in 120\n"
        "frames.\n\n"
    )
    RESULTS.write_text(
        before.rstrip("\n")
        + "\n\n"
        + head
        + "\n".join(lines)
        + "\n"
        + ("\n" + after if after else ""),
        encoding="utf-8",
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write(*sys.argv[2:])
    else:
        main()
