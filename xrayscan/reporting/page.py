"""What all pages share: their templates, a policy that allows nothing from elsewhere, and words."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xrayscan import __version__
from xrayscan.cells import path_text
from xrayscan.records import DISCLAIMER
from xrayscan.wording import visible

STYLE = "style.css"


def page_environment(
    templates: Path, styles: Sequence[str] = (STYLE,), scripts: Sequence[str] = ()
) -> Environment:
    """Prepare templates for a page that holds its own style and allows nothing from elsewhere.

    Every page has ``style`` and ``script`` with their hashes for the security policy,
    ``disclaimer`` and ``version``, and the filters ``name``, ``percent``, ``probability`` and
    ``threshold``.
    """
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (
        "".join((templates / name).read_text(encoding="utf-8") for name in names)
        for names in (styles, scripts)
    )
    environment.globals |= {
        "style": style,
        "style_hash": _csp_hash(style),
        "script": script,
        "script_hash": _csp_hash(script),
        "disclaimer": DISCLAIMER,
        "version": __version__,
    }
    environment.filters |= {
        "name": display_name,
        "shown": visible,
        "percent": _percent,
        "probability": _probability,
        "threshold": _threshold,
    }
    return environment


def display_name(name: str) -> str:
    """A file name for people: as in the CSV, with control and direction marks made visible."""
    return visible(path_text(name))


def _percent(share: float, decimals: int = 1) -> str:
    return f"{100 * share:.{decimals}f} %"


def _probability(value: float) -> str:
    """Three decimals, without calling any film certain."""
    if value >= 0.9995:
        return "> 0.999"
    return "< 0.001" if value < 0.0005 else f"{value:.3f}"


def _threshold(value: float) -> str:
    """Four decimals, or as many as keep it from looking like 0 or 1."""
    text = f"{value:.4f}"
    return f"{value:.7f}".rstrip("0").rstrip(".") if float(text) in (0, 1) else text


def _csp_hash(text: str) -> str:
    """The hash by which the page's security policy allows its own style sheet."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
