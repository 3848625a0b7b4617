from __future__ import annotations

import io
import subprocess
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from xrayscan.evaluation import figures, metrics, performance, plots
from xrayscan.scoring.thresholds import operating_curve

RNG = np.random.default_rng(0)
POSITIVES = RNG.random(300) < 0.6
PROBABILITIES = np.clip(RNG.normal(0.35 + 0.3 * POSITIVES, 0.15), 0, 1)
CURVE = operating_curve(PROBABILITIES, POSITIVES)
MARKED = {"youden": CURVE.youden().threshold, "0.2": 0.2, "above all": 1.0}
HISTORY = tuple(
    {"epoch": n, "loss": 1 / n, "auc": 1 - 0.3 / n, "val_loss": 1.1 / n + 0.01 * n,
     "val_auc": 0.9 - 0.01 * (n - 4) ** 2, "learning_rate": 3e-4 / n}
    for n in range(1, 8)
)  # fmt: skip
COUNTS = np.array([[90, 10], [0, 200]])
ODD = ("$x^", "_hidden", "$a$ and $b$", "肺炎", "a\nb", "\\$", "100 %", "N" * 60)

FIGURES: dict[str, Callable[[], bytes]] = {
    "learning curves": lambda: plots.learning_curves(HISTORY),
    "loss": lambda: plots.learning_panels(HISTORY)["loss"],
    "AUC": lambda: plots.learning_panels(HISTORY)["AUC"],
    "learning rate": lambda: plots.learning_panels(HISTORY)["learning rate"],
    "histogram": lambda: plots.histogram(
        {"NORMAL": 99 * PROBABILITIES[~POSITIVES], "PNEUMONIA": 99 * PROBABILITIES[POSITIVES]},
        "standard deviation in a film, grey levels",
    ),
    "confusion": lambda: performance.confusion_matrix(COUNTS, ("NORMAL", "PNEUMONIA")),
    "roc": lambda: performance.roc(CURVE, MARKED, 0.9),
    "precision": lambda: performance.precision_recall(CURVE, MARKED),
    "thresholds": lambda: performance.threshold_curves(CURVE, 0.5),
    "reliability": lambda: performance.reliability_diagram(
        metrics.reliability(PROBABILITIES, POSITIVES)
    ),
}


@pytest.fixture
def drawn(monkeypatch) -> list:
    """The figures themselves, kept as they are drawn."""
    kept: list = []

    def keep(figure) -> bytes:
        kept.append(figure)
        return figures.png(figure)

    monkeypatch.setattr(plots, "png", keep)
    monkeypatch.setattr(performance, "png", keep)
    return kept


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_a_figure_is_a_small_png_and_always_the_same(draw: Callable[[], bytes]) -> None:
    picture = draw()
    with Image.open(io.BytesIO(picture)) as opened:
        assert opened.format == "PNG"
        assert opened.height == round(figures.PANEL[1] * 150)
        assert opened.convert("RGB").getpixel((1, 1)) == (255, 255, 255)  # in dark pages, too
    assert len(picture) < 120_000
    assert draw() == picture


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_axes_are_named_and_no_text_is_cut_off(draw: Callable[[], bytes], drawn: list) -> None:
    draw()
    for figure in drawn:
        for axes in figure.axes:
            assert axes.get_xlabel()
            assert axes.get_ylabel()
            assert axes.xaxis.label.get_fontsize() >= 11
            texts = [axes.xaxis.label, axes.yaxis.label, axes.get_legend(), *axes.texts]
            for box in (text.get_window_extent() for text in texts if text is not None):
                assert box.x0 >= 0
                assert box.y0 >= 0
                assert box.x1 <= figure.bbox.x1
                assert box.y1 <= figure.bbox.y1


HISTORIES = {
    "nothing": ((), 1),
    "one epoch": (HISTORY[:1], 3),
    "loss alone": (({"loss": 0.5}, {"loss": 0.4}), 1),
    "no validation": (({"epoch": 1, "loss": 0.5, "auc": 0.7},), 2),
    "a key that comes late": (({"epoch": 1, "loss": 0.5}, {"epoch": 2, "val_auc": 0.7}), 2),
    "diverged": (({"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": float("nan")}), 1),
    "never a number": (({"epoch": 1, "loss": float("inf"), "val_auc": float("nan")},), 2),
}


@pytest.mark.parametrize("case", HISTORIES.values(), ids=HISTORIES)
def test_learning_curves_take_what_there_is(case: tuple) -> None:
    history, panels = case
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Image.open(io.BytesIO(plots.learning_curves(history))) as opened:
            assert opened.width == round(figures.PANEL[0] * 150) * panels
    assert len(plots.learning_panels(history)) == (panels if history else 0)


def test_learning_curves_show_the_history(drawn: list) -> None:
    plots.learning_curves(HISTORY)
    loss, area, rate = drawn[0].axes
    for axes, key, line in ((loss, "val_loss", 1), (area, "auc", 0), (rate, "learning_rate", 0)):
        shown = axes.get_lines()[line]
        assert list(shown.get_xdata()) == list(range(1, 8))
        assert list(shown.get_ydata()) == [epoch[key] for epoch in HISTORY]
    words = [text.get_text() for text in area.get_legend().get_texts()]
    assert words == ["training", "validation", "highest: 0.9000, epoch 4"]


def test_marks_are_where_the_threshold_is(drawn: list) -> None:
    performance.roc(CURVE, MARKED, 0.9)
    performance.precision_recall(CURVE, MARKED)
    marks = [
        {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in lines}
        for lines in (figure.axes[0].get_lines()[2:] for figure in drawn)
    ]
    for name, threshold in MARKED.items():
        called = threshold <= PROBABILITIES
        sensitivity = called[POSITIVES].mean()
        assert marks[0][name] == pytest.approx((called[~POSITIVES].mean(), sensitivity))
        if called.any():
            assert marks[1][name] == pytest.approx((sensitivity, POSITIVES[called].mean()))


@pytest.mark.parametrize("name", ODD)
def test_names_of_others_are_texts(name: str, drawn: list) -> None:
    """A folder's name is no formula, hides nothing and warns of nothing."""
    from matplotlib.cbook import is_math_text

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.histogram({name: PROBABILITIES, "NORMAL": PROBABILITIES}, "probability")
        performance.confusion_matrix(COUNTS, ("NORMAL", name))
    legend = [text.get_text() for text in drawn[0].axes[0].get_legend().get_texts()]
    assert legend == [figures.literal(f"300 {name}"), "300 NORMAL"]
    assert not is_math_text(legend[0])


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], []], ids=["one", "equal", "a class of none"])
def test_few_films_have_a_histogram(values: list[float]) -> None:
    assert plots.histogram({"A": np.array(values), "B": np.array([4.0])}, "grey")


def test_pyplot_and_the_settings_of_others_are_left_alone() -> None:
    code = (
        "import sys, matplotlib\n"
        # looking at the backend would choose one, and load pyplot for it
        "names = sorted(set(matplotlib.rcParams) - {'backend'})\n"
        "seen = lambda: [matplotlib.rcParams[name] for name in names]\n"
        "before = seen()\n"
        "from xrayscan.evaluation import plots; plots.learning_curves(({'loss': 1},))\n"
        "assert seen() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
