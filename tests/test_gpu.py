from __future__ import annotations

import csv
import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.films import draw_film, png_bytes
from xrayscan import gpu
from xrayscan.errors import ModelError, UsageError
from xrayscan.gpu import KerasScorer, check_gpu, gpu_scorer
from xrayscan.intake.admission import Admission
from xrayscan.job import batches, choices
from xrayscan.job.options import JobOptions
from xrayscan.job.run import Listeners, run_job
from xrayscan.pipeline import RunHooks
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import ModelCard, load_card
from xrayscan.scoring.engine import Engine
from xrayscan.scoring.model import ScoringModel


def is_there() -> bool:
    try:
        gpu._find()
    except UsageError:
        return False
    return True


needs_none = pytest.mark.skipif(is_there(), reason="of machines without a GPU")
needs_one = pytest.mark.skipif(not is_there(), reason="there is no GPU on this machine")


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return load_card(model_folder(DEFAULT_MODEL))


@pytest.fixture(scope="module")
def scorer(card: ModelCard) -> KerasScorer:
    """What scores on an NVIDIA GPU, on TensorFlow's CPU."""
    return KerasScorer(card, "CPU:0")


def drawn(card: ModelCard, count: int) -> np.ndarray:
    size = (card.input_size, card.input_size)
    return np.stack([np.resize(draw_film(seed=seed), size) for seed in range(count)]).astype(
        np.float32
    )


def alike(scorer: Any, card: ModelCard) -> None:
    """Holds a scorer against the folder's own on the CPU, every output of it."""
    films = drawn(card, 3)
    here = Engine(card.folder / "scorer.xml", card.input_size, 2).score(films)
    there = scorer.score(films)
    np.testing.assert_allclose(there.probability, here.probability, atol=1e-4)
    np.testing.assert_allclose(there.embedding, here.embedding, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(there.admission, here.admission, rtol=1e-3, atol=1e-3)
    assert set(there.heat) == set(here.heat)
    for cam, heat in here.heat.items():
        np.testing.assert_allclose(there.heat[cam], heat, atol=2e-3 * max(1, heat.max()))


def test_what_keras_says_is_what_the_scorer_says(scorer: KerasScorer, card: ModelCard) -> None:
    alike(scorer, card)
    ScoringModel(card.folder, 2, card, scorer).check()


@needs_one
def test_what_the_gpu_says_is_what_the_scorer_says(card: ModelCard) -> None:
    alike(gpu_scorer(card), card)


@pytest.mark.parametrize("count", [1, 16, 17])
def test_more_films_than_go_at_once_keep_their_order(
    scorer: KerasScorer, card: ModelCard, count: int
) -> None:
    films = np.resize(drawn(card, 5), (count, card.input_size, card.input_size))
    found = scorer.score(films)
    assert len(found.probability) == len(found.embedding) == count
    few = scorer.score(films[:5]).probability
    np.testing.assert_allclose(found.probability, np.resize(few, count), atol=1e-5)


def test_on_a_full_device_films_are_tried_one_by_one(
    scorer: KerasScorer, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the assessor halves its batches down to."""
    import tensorflow as tf

    def full(films: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setitem(scorer._runs, 16, full)
    films = drawn(card, 2)
    with pytest.raises(MemoryError):
        scorer.score(films)
    assert len(scorer.score(films[:1]).probability) == 1


def test_an_ensemble_has_nothing_for_an_nvidia_gpu() -> None:
    with pytest.raises(ModelError, match=r"has no model.keras, which NVIDIA GPUs need; leave"):
        KerasScorer(load_card(model_folder("accurate")), "CPU:0")


def test_what_was_measured_in_8_bits_is_not_scored_in_32(card: ModelCard) -> None:
    small = replace(card, facts={**card.facts, "quantization": {}})
    with pytest.raises(ModelError, match=r"was measured in 8-bit integers, which run on CPUs"):
        KerasScorer(small, "CPU:0")


def test_a_keras_model_that_cannot_be_loaded(card: ModelCard, tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"model.keras: cannot be loaded \(.*\); leave --engine"):
        KerasScorer(replace(card, folder=tmp_path), "CPU:0")


def test_under_another_backend(card: ModelCard, monkeypatch: pytest.MonkeyPatch) -> None:
    from xrayscan.training.learning import devices

    monkeypatch.setattr(devices, "backend", lambda: "jax")
    with pytest.raises(UsageError, match=r"needs tensorflow; leave it unset"):
        KerasScorer(card, "CPU:0")


@needs_none
def test_without_a_gpu_nothing_is_begun(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(png_bytes(draw_film(seed=1)))
    options = JobOptions((str(tmp_path),), tmp_path / "rows.csv", model="fast", engine="gpu")
    with pytest.raises(UsageError, match=r"^--engine gpu: no GPU found on this machine; leave"):
        run_job(options, Listeners(lambda count: nullcontext(RunHooks())))
    assert [path.name for path in tmp_path.iterdir()] == ["film.png"]


@needs_none
def test_a_driver_without_a_device_that_can_be_used(
    card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "_DRIVERS", (tmp_path,))
    for ask in (check_gpu, gpu_scorer):
        with pytest.raises(UsageError, match=r"no GPU that can be used; pip install 'xrayscan\[g"):
            ask(card)


def test_an_intel_gpu_takes_the_scorer(card: ModelCard, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO's own name for a device is handed on; here it is that of a CPU."""
    monkeypatch.setattr(gpu, "_find", lambda: "CPU")
    check_gpu(card)
    alike(gpu_scorer(card), card)


@needs_none
def test_an_intel_gpu_where_tensorflow_finds_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Core:
        available_devices = ("CPU", "GPU.0", "GPU.1")

    monkeypatch.setattr(gpu, "_DRIVERS", (tmp_path,))
    monkeypatch.setattr(gpu, "core", Core)
    assert gpu._find() == "GPU.0"


def test_a_run_by_keras_has_the_rows_of_a_local_run(
    scorer: KerasScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a report, whose heat maps are tested there as well."""
    monkeypatch.setattr(choices, "check_gpu", lambda card: None)
    monkeypatch.setattr(batches, "gpu_scorer", lambda card: scorer)
    films = tmp_path / "films"
    films.mkdir()
    for seed in range(5):
        (films / f"{seed}.png").write_bytes(png_bytes(draw_film(seed=seed)))
    (films / "damaged.png").write_bytes(png_bytes(draw_film(seed=9))[:900])
    rows = {}
    for engine in ("local", "gpu"):
        report = tmp_path / f"{engine}.html"
        run_job(
            JobOptions(
                (str(films),),
                report=report,
                model=DEFAULT_MODEL,
                admission=Admission.WARN,
                engine=engine,
            ),
            Listeners(lambda count: nullcontext(RunHooks())),
        )
        assert report.is_file()
        with report.with_suffix(".csv").open(newline="") as file:
            rows[engine] = list(csv.DictReader(file))
        versions = json.loads(report.with_suffix(".run.json").read_text())["versions"]
        assert ("tensorflow" in versions) is (engine == "gpu")
    assert len(rows["gpu"]) == len(rows["local"]) == 6
    for one, other in zip(rows["local"], rows["gpu"], strict=True):
        assert one.keys() == other.keys()
        numbers = {"probability", "embedding_distance"}
        same = set(one) - numbers - {"assessed_at"}
        assert {name: one[name] for name in same} == {name: other[name] for name in same}
        for name in numbers:
            assert (one[name] == "") == (other[name] == "")
            assert float(one[name] or 0) == pytest.approx(float(other[name] or 0), abs=2e-3)
