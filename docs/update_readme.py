"""Writes the commands' help texts into the README, or checks that they are the current ones.

python -m docs.update_readme            # write
python -m docs.update_readme --check    # exit 1 where they differ
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
_BLOCK = re.compile(r"(<!-- help: ([a-z ]*)-->\n```text\n).*?(```\n)", re.DOTALL)


def help_text(command: str) -> str:
    """What ``xrayscan COMMAND --help`` prints at 80 columns without colour."""
    os.environ |= {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    from typer.testing import CliRunner

    from xrayscan.cli.app import app

    result = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="xrayscan")
    return "\n".join(line.rstrip() for line in result.stdout.strip().splitlines()) + "\n"


def updated(text: str) -> str:
    """The README with every help block renewed."""
    return _BLOCK.sub(lambda m: m.group(1) + help_text(m.group(2)) + m.group(3), text)


def main() -> int:
    before = README.read_text(encoding="utf-8")
    after = updated(before)
    if "--check" not in sys.argv:
        README.write_text(after, encoding="utf-8")
        return 0
    if after != before:
        sys.stderr.write("README.md: help texts are old; run: python -m docs.update_readme\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
