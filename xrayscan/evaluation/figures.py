"""What all figures have in common: size, type, colours, and how they become a picture."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito 2008: told apart with any colour vision. Lines differ in dashes, too.
BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
INK, SOFT, GRID = "#16191d", "#555d66", "#d3d8de"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, "#e69f00", "#56b4e9", INK)
DASHES = ("solid", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))

PANEL = (4.4, 3.5)  # inches; so small that its 11 point letters stay readable on a telephone
_DPI = 150
_POINTS = 11
_LETTERS = 40


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure of a page: its heading, its picture, and in words what it shows."""

    title: str
    uri: str
    alt: str
    caption: str = ""


def panels(count: int = 1, size: tuple[float, float] = PANEL) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels of ``size`` inches side by side, outside of pyplot and its state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = size
    # white in light and dark pages alike: the colours are made for it
    figure = Figure((width * count, height), dpi=_DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [_plain(figure.add_subplot(1, count, place + 1)) for place in range(count)]


def label(axes: Axes, across: str, up: str) -> None:
    """Name both axes."""
    axes.set_xlabel(literal(across), fontsize=_POINTS, color=INK)
    axes.set_ylabel(literal(up), fontsize=_POINTS, color=INK)


def unit_square(axes: Axes) -> None:
    """Both axes from 0 to 1, with room for lines that run along the edge."""
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def legend(axes: Axes, place: Any = "best") -> None:
    """Name the lines; ``place`` as Matplotlib names places."""
    axes.legend(loc=place, fontsize=_POINTS - 2, framealpha=0.85, edgecolor=GRID)


def literal(text: str) -> str:
    """Take a text of others as it is: a folder's name with a dollar sign is no formula.

    Long ones are cut: the figure has no room for them, and the page has them in full.
    """
    shown = text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"
    return shown.replace("$", r"\$")


def png(figure: Figure) -> bytes:
    """Draw a figure; the same figure gives the same bytes."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        # a class name in a script that the font lacks shows as boxes; the page has it in letters
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def png_uri(picture: bytes) -> str:
    """A PNG as a data URI."""
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def _plain(axes: Axes) -> Axes:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    axes.tick_params(labelsize=_POINTS - 1, colors=INK)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes
