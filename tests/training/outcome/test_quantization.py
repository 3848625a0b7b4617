from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import SIZE, TINY, draw_folder
from xrayscan.errors import UsageError
from xrayscan.scoring.card import SCORER, load_card
from xrayscan.scoring.engine import Engine, Scores
from xrayscan.scoring.model import ScoringModel
from xrayscan.training.fit import fit
from xrayscan.training.network.architectures import TABLE
from xrayscan.training.options import FitOptions, Recipe
from xrayscan.training.outcome import finish, quantization
from xrayscan.training.outcome.export import export_scorer, scoring_function
from xrayscan.training.outcome.quantization import Quality, compare, quantize

pytest.importorskip("nncf", reason="needs NNCF: pip install 'xrayscan[int8]'")


@pytest.fixture(scope="module")
def pair(
    make_tiny: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A scorer in float32, and the same in int8."""
    folder = tmp_path_factory.mktemp("scorers")
    whole, small = folder / "whole.xml", folder / "small.xml"
    export_scorer(scoring_function(make_tiny(), TINY.admission_layers), whole)
    films = np.random.default_rng(5).integers(0, 256, (40, SIZE, SIZE), np.uint8)
    quantize(whole, films, 7, small)
    return whole, small


def scores(path: Path, films: np.ndarray) -> Scores:
    return Engine(path, SIZE, 1).score(films)


def test_it_computes_in_8_bits(pair: tuple[Path, Path]) -> None:
    import openvino as ov

    kinds = [node.get_type_name() for node in ov.Core().read_model(pair[1]).get_ops()]
    assert "FakeQuantize" in kinds
    whole = ov.Core().read_model(pair[0])
    assert "FakeQuantize" not in [node.get_type_name() for node in whole.get_ops()]


def test_fine_convolutions_and_the_head_stay_whole(pair: tuple[Path, Path]) -> None:
    import openvino as ov

    coarse = []
    for node in ov.Core().read_model(pair[1]).get_ordered_ops():
        if node.get_type_name() in ("Convolution", "MatMul"):
            quantized = node.input_value(0).get_node().get_type_name() == "FakeQuantize"
            shape = node.input_value(0).partial_shape
            is_coarse = len(shape) == 4 and shape[2].get_length() <= SIZE / 4
            assert quantized is is_coarse, node.get_friendly_name()
            coarse.append(is_coarse)
    assert any(coarse)
    assert not all(coarse)


def test_weights_keep_to_7_bits(pair: tuple[Path, Path]) -> None:
    """Sums of two products of 8 by 8 bits overflow 16 bits; of 8 by 7 bits they cannot."""
    import openvino as ov

    weights = [
        node.get_data()
        for node in ov.Core().read_model(pair[1]).get_ops()
        if node.get_type_name() == "Constant" and node.get_element_type() == ov.Type.i8
    ]
    assert weights
    assert max(int(np.abs(each.astype(int)).max()) for each in weights) <= 64


def test_it_scores_nearly_alike(pair: tuple[Path, Path], films: np.ndarray) -> None:
    whole, small = (scores(path, films) for path in pair)
    assert set(whole.heat) == set(small.heat)
    difference = np.abs(whole.probability - small.probability)
    assert 0 < difference.max() < 0.1
    for cam, heat in whole.heat.items():
        assert np.corrcoef(heat.ravel(), small.heat[cam].ravel())[0, 1] > 0.9


def test_nothing_is_printed_and_nothing_reported(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = dict(os.environ)
    films = np.random.default_rng(5).integers(0, 256, (4, SIZE, SIZE), np.uint8)
    quantize(pair[0], films, 7, tmp_path / "again.xml")
    assert capsys.readouterr() == ("", "")
    assert dict(os.environ) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.bin", "again.xml"]


def of(probabilities: list[float], heat: np.ndarray) -> Scores:
    empty = np.zeros((len(probabilities), 1), np.float32)
    return Scores(np.array(probabilities, np.float32), empty, empty, {"gradcam": heat})


def test_comparison() -> None:
    """By hand: one pair of four is ranked wrongly; only the second film is positive to both."""
    heat = np.random.default_rng(1).uniform(0, 1, (4, 3, 3)).astype(np.float32)
    other = heat[[0, 1, 3, 2]]
    found = compare(
        of([0.1, 0.9, 0.4, 0.8], heat),
        of([0.2, 0.8, 0.6, 0.3], other),
        np.array([False, True, False, True]),
    )
    assert found.auc_float32 == 1.0
    assert found.auc_int8 == 0.75
    assert found.probability_difference == pytest.approx(0.225)
    assert found.heat_agreement == pytest.approx(1.0)
    assert not found.holds


@pytest.mark.parametrize(
    ("auc", "holds"), [(0.98, True), (0.9701, True), (0.9669, False), (0.5, False)]
)
def test_what_may_be_lost(auc: float, holds: bool) -> None:
    assert Quality(0.97, auc, 0.0, 1.0).holds is holds


# -- the whole way -------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def _in_table() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TABLE, TINY.name, TINY)
        yield


def options(data: Path, out: Path, **others: Any) -> FitOptions:
    recipe = Recipe(epochs=1, batch_size=8, learning_rate=1e-2, augmentation="none", seed=3)
    return FitOptions(
        data, out, TINY.name, "none", int8=True, folds=3, workers=1, recipe=recipe, **others
    )


@pytest.mark.parametrize(
    ("most_lost", "kept"), [(1.0, True), (-1.0, False)], ids=["good enough", "not good enough"]
)
def test_a_model_in_int8(
    tmp_path: Path,
    films: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    most_lost: float,
    kept: bool,
) -> None:
    monkeypatch.setattr(quantization, "MOST_AUC_LOST", most_lost)
    said: list[str] = []
    monkeypatch.setattr(finish.log, "warning", said.append)
    data = draw_folder(tmp_path / "drawn", 12)
    folder = fit(options(data, tmp_path / "model"))
    card = load_card(folder)
    assert ("FakeQuantize" in (folder / SCORER).read_text()) is kept
    assert ("quantization" in card.facts) is kept
    assert said == ([] if kept else ["int8 loses too much AUC: the scorer stays in float32"])
    assert ("8-bit integers" in (folder / "README.md").read_text(encoding="utf-8")) is kept
    assert not list(folder.glob(".int8*"))
    model = ScoringModel(folder, 1)
    model.check()  # the canary was measured on what is there
    assert len(list(model.score(films, "gradcam"))) == len(films)


def test_without_nncf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"--int8: needs NNCF; pip install 'xrayscan\[int8\]'"):
        fit(options(tmp_path / "data", tmp_path / "out"))
