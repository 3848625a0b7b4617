from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.training.conftest import SIZE, TINY, draw_film, draw_folder
from xrayscan.errors import DataError, ModelError, StoppedError, UsageError, XrayscanError
from xrayscan.labels.layouts import read_labelled
from xrayscan.scoring.card import ModelCard, file_sha256, load_card
from xrayscan.scoring.engine import Engine
from xrayscan.scoring.faithfulness import blurred, without_hottest
from xrayscan.scoring.log_odds import log_odds
from xrayscan.scoring.model import ScoringModel
from xrayscan.scoring.thresholds import RULES
from xrayscan.training import fit as story
from xrayscan.training.films.data import decode_films
from xrayscan.training.fit import fit
from xrayscan.training.learning import devices
from xrayscan.training.network.architectures import TABLE
from xrayscan.training.network.start import find_start
from xrayscan.training.options import FitHooks, FitOptions, Precision, Recipe
from xrayscan.training.outcome import finish

RECIPE = Recipe(epochs=1, batch_size=8, augmentation="seed", seed=3)
FILES = {
    "card.json",
    "model.keras",
    "scorer.xml",
    "scorer.bin",
    "admission.npz",
    "README.md",
    "report.html",
    "films_seen.npy",
    "films_looks.npy",
}


@pytest.fixture(scope="module")
def tiny_in_table() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TABLE, TINY.name, TINY)
        yield TINY.name


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("drawn"), 24)


@pytest.fixture(scope="module")
def fitted(tiny_in_table: str, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as ``fit`` leaves it, in a folder that did not exist before."""
    out = tmp_path_factory.mktemp("fitted") / "not" / "yet" / "blobs"
    options = FitOptions(
        data,
        out,
        tiny_in_table,
        population="drawn",
        licence="none needed",
        folds=4,
        workers=2,
        recipe=RECIPE,
    )
    assert fit(options) == out
    return out


@pytest.fixture(scope="module")
def card(fitted: Path) -> ModelCard:
    return load_card(fitted)


def validation_films(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """The films that ``fit`` sets aside, and which of them are positive."""
    from xrayscan.training.films.splits import split_by_patient

    _, validation = split_by_patient(read_labelled(data).films, 4, RECIPE.seed)
    decoded = decode_films(validation, SIZE, 1)
    return decoded.pixels.astype(np.float32), decoded.labels == 1


# -- what it leaves ------------------------------------------------------------------------------


def test_a_complete_folder_that_verifies(fitted: Path, card: ModelCard) -> None:
    assert {path.name for path in fitted.iterdir() if path.is_file()} == FILES
    assert {path.name for path in (fitted / "training").iterdir()} == {
        "progress.json",
        "curves.png",
        "last-1.weights.h5",
        "best-1.weights.h5",
    }
    assert card.name == "blobs"
    assert card.architecture == "tiny"
    assert card.input_size == SIZE
    assert card.classes == ("NORMAL", "PNEUMONIA")
    assert card.positive == "PNEUMONIA"
    assert set(card.thresholds) == set(RULES)
    assert card.default_rule in card.thresholds
    assert card.zones.review <= card.zones.positive
    assert set(card.heat_scale) == {"gradcam", "gradcam++"}
    assert all(scale > 0 for scale in card.heat_scale.values())
    assert 0 < card.distance_limit < np.inf


def test_what_chance_does_to_films_is_learnt(fitted: Path, tmp_path: Path) -> None:
    """Held against more shuffled maps of each film; ``fitted`` has too few films to learn from."""
    drawn = read_labelled(draw_folder(tmp_path / "more", 30)).films
    films = decode_films(drawn, SIZE, 1).pixels
    engine = Engine(fitted / "scorer.xml", SIZE, 2)
    scores = engine.score(films.astype(np.float32))
    found = finish._heat_chances(engine, scores, films, {"gradcam++": 1.0})["gradcam++"]

    rng, heat = np.random.default_rng(5), scores.heat["gradcam++"]
    told = np.flatnonzero(np.ptp(heat, axis=(1, 2)))
    left = []
    for place in told:
        film, smooth = films[place].astype(np.float32), blurred(films[place].astype(np.float32))
        others = [rng.permuted(heat[place].ravel()).reshape(heat[place].shape) for _ in range(12)]
        changed = np.stack([without_hottest(film, smooth, other) for other in others])
        left.append(log_odds(engine.score(changed).probability))
    before = log_odds(scores.probability)[told]
    means, within = np.mean(left, axis=1), np.sqrt(np.var(left, axis=1, ddof=1).mean())
    expected = found["intercept"] + found["slope"] * before
    np.testing.assert_allclose(
        expected, np.polyval(np.polyfit(before, means, 1), before), atol=within
    )
    assert found["within"] == pytest.approx(within, rel=0.3)


def test_every_file_is_listed(fitted: Path, card: ModelCard) -> None:
    listed = card.facts["files"]
    assert set(listed) == FILES - {"card.json", "README.md", "report.html"}
    assert all(file_sha256(fitted / name) == sha256 for name, sha256 in listed.items())


def test_nothing_is_left_beside_it(fitted: Path) -> None:
    assert [path.name for path in fitted.parent.iterdir()] == ["blobs"]


def test_others_may_read_the_folder_as_usual(fitted: Path, tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    assert fitted.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_the_card_tells_the_training(card: ModelCard, data: Path) -> None:
    training = card.facts["training"]
    assert training["data"] == data.name
    assert training["licence"] == "none needed"
    assert training["started_from"] == "none"
    assert training["recipe"]["seed"] == RECIPE.seed
    assert training["train"]["films"] + training["validation"]["films"] == 48
    assert training["train"]["patients"] + training["validation"]["patients"] == 48
    assert training["validation"]["by_class"] == {"NORMAL": 6, "PNEUMONIA": 6}
    few = "Too small to say: 6 patients of one class, at least 10 are needed."
    assert training["validation"]["too_small"] == few
    for page in ("README.md", "report.html"):
        assert few in (card.folder / page).read_text()
    assert training["train"]["unreadable"] == training["validation"]["unreadable"] == 0
    assert 0.05 <= card.facts["calibration"]["temperature"] <= 20
    assert np.isfinite(card.facts["calibration"]["offset"])


def test_thresholds_are_what_the_scorer_gives(fitted: Path, card: ModelCard, data: Path) -> None:
    pixels, positives = validation_films(data)
    probability = np.round(Engine(fitted / "scorer.xml", SIZE, 2).score(pixels).probability, 6)
    for point in card.thresholds.values():
        called = probability >= point.threshold
        assert called[positives].mean() == pytest.approx(point.sensitivity)
        assert (~called[~positives]).mean() == pytest.approx(point.specificity)
    for rule in ("youden", "f1", "sens=0.95"):  # the card's curve was thinned; rules read it still
        thinned, whole = card.curve.by_rule(rule), card.thresholds[rule]
        assert thinned.sensitivity + thinned.specificity >= whole.sensitivity + whole.specificity
    results = card.facts["results"]
    called = probability >= card.thresholds[card.default_rule].threshold
    assert results["accuracy"] == pytest.approx((called == positives).mean(), abs=1e-4)
    assert 0 <= results["auc"] <= 1


def test_admission_lets_the_validation_films_in(fitted: Path, card: ModelCard, data: Path) -> None:
    """The edge is drawn around them, as they are and varied."""
    pixels, _ = validation_films(data)
    white = np.full((1, SIZE, SIZE), 255, np.float32)
    model = ScoringModel(fitted, 2)
    distance = [film.distance for film in model.score(np.concatenate([pixels, white]))]
    assert np.mean(np.array(distance[:-1]) <= card.distance_limit) >= 0.9
    assert 0.1 < max(distance[:-1]) < 1.05
    assert distance[-1] > card.distance_limit


def test_model_and_scorer_agree(fitted: Path, data: Path) -> None:
    import keras

    pixels, _ = validation_films(data)
    model = keras.models.load_model(fitted / "model.keras", compile=False)
    expected = model.predict_on_batch(pixels[..., None])[:, 0]
    scored = [film.probability for film in ScoringModel(fitted, 2).score(pixels)]
    np.testing.assert_allclose(scored, expected, atol=1e-3)


# -- what it refuses -----------------------------------------------------------------------------


def options(data: Path, out: Path, **changed: Any) -> FitOptions:
    return FitOptions(
        data, out, TINY.name, **({"folds": 4, "workers": 1, "recipe": RECIPE} | changed)
    )


def refusal(given: FitOptions, kind: type[Exception] = DataError) -> str:
    """Refused in one sentence, and nothing left behind."""
    before = sorted(given.out.parent.iterdir())
    with pytest.raises(kind) as fault:
        fit(given)
    assert sorted(given.out.parent.iterdir()) == before
    assert "\n" not in str(fault.value)
    assert "; " in str(fault.value)
    return str(fault.value)


@pytest.mark.usefixtures("tiny_in_table")
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_existing_out(data: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "model"
    out.mkdir() if kind == "folder" else out.write_text("mine")
    assert refusal(options(data, out), UsageError).startswith(
        f"{out}: exists already; choose another"
    )
    assert out.is_dir() if kind == "folder" else out.read_text() == "mine"


@pytest.mark.usefixtures("tiny_in_table")
def test_too_few_patients(data: Path, tmp_path: Path) -> None:
    assert "too few" in refusal(options(data, tmp_path / "model", folds=25))


@pytest.mark.usefixtures("tiny_in_table")
def test_no_films_to_train_on(tmp_path: Path) -> None:
    draw_folder(tmp_path / "data" / "val", 2)
    message = refusal(options(tmp_path / "data", tmp_path / "model"))
    assert message.startswith(f"{tmp_path / 'data'}: no films to train on")


@pytest.mark.usefixtures("tiny_in_table")
def test_a_class_only_in_another_split(tmp_path: Path) -> None:
    for number in range(8):
        draw_film(tmp_path / "data" / "train" / "NORMAL" / f"{number}.png", number)
    draw_film(tmp_path / "data" / "val" / "PNEUMONIA" / "one.png", 99)
    message = refusal(options(tmp_path / "data", tmp_path / "model"))
    assert "no readable film of class PNEUMONIA is left for training" in message


@pytest.mark.usefixtures("tiny_in_table")
def test_a_class_of_damaged_films(tmp_path: Path) -> None:
    draw_folder(tmp_path / "data", 8)
    for path in (tmp_path / "data" / "NORMAL").iterdir():
        path.write_bytes(path.read_bytes()[:500])
    message = refusal(options(tmp_path / "data", tmp_path / "model"))
    assert "no readable film of class NORMAL" in message


@pytest.mark.usefixtures("tiny_in_table")
def test_wrong_weights(data: Path, tmp_path: Path) -> None:
    (tmp_path / "some.weights.h5").write_bytes(b"garbage")
    given = options(data, tmp_path / "model", origin=str(tmp_path / "some.weights.h5"))
    assert "does not fit the architecture" in refusal(given, ModelError)


@pytest.mark.usefixtures("tiny_in_table")
@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_before_an_epoch_is_finished_leaves_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    def fails(*_: object) -> None:
        begun = {path.name for path in tmp_path.iterdir()}
        assert begun == {"model.training", "model.training.lock"}
        raise fault("in the middle")

    monkeypatch.setattr(story, "train", fails)
    with pytest.raises(fault):
        fit(options(data, tmp_path / "model"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("tiny_in_table")
@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("fit_calibration", RuntimeError),
        ("export_scorer", RuntimeError),
        ("fit_statistics", KeyboardInterrupt),
    ],
)
def test_a_failure_after_training_keeps_the_training(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    fault: type[BaseException],
) -> None:
    """No half-written model; resumed, it is written without training again."""

    def fails(*_: object) -> None:
        raise fault("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(finish, step, fails)
        with pytest.raises(fault):
            fit(options(data, tmp_path / "model"))
    assert [path.name for path in tmp_path.iterdir()] == ["model.training"]
    assert "holds an unfinished training" in refusal(options(data, tmp_path / "model"), UsageError)
    monkeypatch.setattr(story, "train", fails)
    fit(options(data, tmp_path / "model", resume=True))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    load_card(tmp_path / "model")


@pytest.mark.usefixtures("tiny_in_table")
def test_epochs_are_added_to_a_finished_model(data: Path, tmp_path: Path) -> None:
    out = fit(options(data, tmp_path / "model"))
    again = options(data, out, resume=True)
    assert "has 1 epochs; give more by --epochs" in refusal(again)
    fit(replace(again, recipe=replace(RECIPE, epochs=3)))
    training = load_card(out).facts["training"]
    assert training["epochs"] == 3
    history = json.loads((out / "training" / "progress.json").read_text())["history"]
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.usefixtures("tiny_in_table")
def test_no_epochs_make_a_model_anew_as_it_is(data: Path, fitted: Path, tmp_path: Path) -> None:
    """On the same films everything measured is the same; nothing more counts as learnt from."""
    options = FitOptions(
        data, tmp_path / "anew", origin=str(fitted), folds=4, recipe=replace(RECIPE, epochs=0)
    )
    fit(options)
    before, after = (load_card(folder).facts for folder in (fitted, options.out))
    for name in ("thresholds", "operating_curve", "heat", "admission", "distances", "results"):
        assert after[name] == before[name], name
    np.testing.assert_array_equal(
        *(np.load(folder / "films_seen.npy") for folder in (fitted, options.out))
    )
    assert after["training"]["epochs"] == 0
    assert after["training"]["recipe"] == {}
    assert after["training"]["started_from"].startswith("model blobs, card sha256")
    (origin,) = after["training"]["made_from"]
    told = ("command", "epochs", "best_epoch", "seconds", "machine")
    assert origin["card_sha256"] == load_card(fitted).sha256
    assert {name: origin.get(name) for name in told} == {
        name: before["training"][name] or None for name in told
    }
    assert after["training"]["trained_on"] == before["training"]["population"]
    assert {path.name for path in options.out.iterdir()} == FILES


@pytest.mark.usefixtures("tiny_in_table")
def test_a_model_made_anew_behind_smoothing_keeps_its_weights(
    data: Path, fitted: Path, tmp_path: Path
) -> None:
    import keras

    recipe = replace(RECIPE, epochs=0, smoothing=2)
    fit(FitOptions(data, tmp_path / "smooth", origin=str(fitted), folds=4, recipe=recipe))
    models = [
        keras.models.load_model(folder / "model.keras", compile=False)
        for folder in (fitted, tmp_path / "smooth")
    ]
    weights = [model.get_layer("backbone").get_weights() for model in models]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    films, _ = validation_films(data)
    scores = [
        Engine(folder / "scorer.xml", SIZE, 1).score(films).probability
        for folder in (fitted, tmp_path / "smooth")
    ]
    assert np.abs(scores[0] - scores[1]).max() > 1e-4
    readme = (tmp_path / "smooth" / "README.md").read_text()
    assert "Trained on" not in readme
    assert "smoothing: 2" in readme
    # and a training that goes on from it knows of the smoothing
    assert find_start("", str(tmp_path / "smooth")).smoothing == 2


@pytest.mark.usefixtures("tiny_in_table")
@pytest.mark.parametrize("ensemble", [False, True], ids=["as it is", "an ensemble"])
def test_a_model_that_is_not_trained_is_made_under_tensorflow(
    data: Path, fitted: Path, tmp_path: Path, ensemble: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(RECIPE, epochs=0)
    options = FitOptions(data, tmp_path / "anew", origin=str(fitted), folds=4, recipe=recipe)
    if ensemble:
        members = (str(fitted), str(fitted))
        options = FitOptions(data, tmp_path / "mean", ensemble_of=members, folds=4, recipe=RECIPE)
    monkeypatch.setattr(devices, "backend", lambda: "jax")
    with pytest.raises(UsageError, match=r"^KERAS_BACKEND: making a model .* leave it unset$"):
        fit(options)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("tiny_in_table")
def test_a_network_without_numbers_is_no_model(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it came here: nothing of it is delivered."""
    monkeypatch.setattr(finish, "predict_logits", lambda *_: np.array([0.1, np.nan]))
    given = options(data, tmp_path / "model")
    with pytest.raises(XrayscanError, match=r"model: the network gives no numbers, .*; train anew"):
        fit(given)
    assert not given.out.exists()


@pytest.mark.usefixtures("tiny_in_table")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": TINY.name, "origin": "none"}, "none is no trained model; give one"),
        ({"classes": "PNEUMONIA,NORMAL"}, "tells NORMAL, PNEUMONIA apart, the films are"),
        ({"teacher": "fast"}, "trains nothing; leave --distill and --resume out"),
    ],
    ids=["no model", "other classes", "a teacher"],
)
def test_no_epochs_without_a_model_for_these_films(
    data: Path, fitted: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    options = FitOptions(
        data, tmp_path / "anew", origin=str(fitted), folds=4, recipe=replace(RECIPE, epochs=0)
    )
    with pytest.raises(UsageError, match=words):
        fit(replace(options, **change))
    assert not options.out.exists()


@pytest.mark.usefixtures("tiny_in_table")
def test_epochs_are_not_added_to_what_stopped_early(data: Path, tmp_path: Path) -> None:
    """It would stop at once: that has to be said, not done."""
    patient = replace(RECIPE, learning_rate=1e-9, epochs=4, patience=1)
    out = fit(options(data, tmp_path / "model", recipe=patient))
    epochs = load_card(out).facts["training"]["epochs"]
    assert epochs < 4
    again = options(data, out, resume=True, recipe=replace(patient, epochs=9))
    assert f"stopped early after {epochs} epochs; give more --patience, or 0" in refusal(again)


@pytest.mark.usefixtures("tiny_in_table")
@pytest.mark.parametrize("least", [2, 100], ids=["enough others", "too few others"])
def test_what_the_start_has_learnt_is_not_validated_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int
) -> None:
    """Another seed splits otherwise: films of the first training lie in the second validation."""
    first = fit(options(data, tmp_path / "first"))
    monkeypatch.setattr("xrayscan.training.films.seen.MIN_VALIDATION", least)
    second = fit(
        options(
            data,
            tmp_path / "second",
            origin=str(first),
            recipe=replace(RECIPE, seed=5),
        )
    )
    learnt, all_learnt = (np.load(out / "films_seen.npy") for out in (first, second))
    training = load_card(second).facts["training"]
    assert np.isin(learnt, all_learnt).all()
    assert len(all_learnt) > len(learnt) == load_card(first).facts["training"]["train"]["films"]
    films = training["train"]["films"] + training["validation"]["films"]
    if least == 2:
        assert films < 48
        assert training["validation_seen_before"] == 0
    else:
        assert films == 48
        assert training["validation_seen_before"] > 0


@pytest.mark.usefixtures("tiny_in_table")
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"recipe": replace(RECIPE, seed=4, epochs=2)}, "seed"),  # and another split by it
        ({"recipe": replace(RECIPE, batch_size=4, epochs=2)}, "batch_size 8, not 4"),
        ({"recipe": replace(RECIPE, learning_rate=1.0, epochs=2)}, "learning_rate 0.0003, not 1"),
        ({"recipe": replace(RECIPE, precision=Precision.MIXED, epochs=2)}, "auto, not mixed"),
        ({"architecture": "cnn"}, "architecture tiny, not cnn"),
    ],
    ids=["seed", "batch size", "learning rate", "precision", "architecture"],
)
def test_resumed_otherwise(
    data: Path, fitted: Path, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    out = shutil.copytree(fitted, tmp_path / "model")
    given = replace(options(data, out, resume=True), **changed)
    message = refusal(given)
    assert words in message
    assert "give the same as then" in message


@pytest.mark.usefixtures("tiny_in_table")
def test_same_seed_same_scorer(data: Path, fitted: Path, tmp_path: Path) -> None:
    """From the first weights on."""
    pixels, _ = validation_films(data)
    for seed, same in ((RECIPE.seed, True), (RECIPE.seed + 1, False)):
        given = options(data, tmp_path / str(seed), recipe=replace(RECIPE, seed=seed))
        scorers = (fitted / "scorer.xml", fit(given) / "scorer.xml")
        one, other = (Engine(path, SIZE, 1).score(pixels).embedding for path in scorers)
        assert np.allclose(one, other, rtol=1e-3, atol=1e-3) == same


@pytest.mark.usefixtures("tiny_in_table")
@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["missing", "empty"]
)
@pytest.mark.parametrize(("lost", "epochs"), [("last-1", 2), ("best-1", 1)])
def test_weights_that_cannot_be_read(
    data: Path, fitted: Path, tmp_path: Path, lost: str, epochs: int, damage: Callable[..., Any]
) -> None:
    work = shutil.copytree(fitted / "training", tmp_path / "model.training")
    damage(work / f"{lost}.weights.h5")
    given = options(data, tmp_path / "model", resume=True)
    given = replace(given, recipe=replace(RECIPE, epochs=epochs))
    with pytest.raises(DataError, match=f"{lost}.* cannot be read .*; remove .* and train anew"):
        fit(given)
    assert (work / "progress.json").is_file()


@pytest.mark.usefixtures("tiny_in_table")
def test_stopped_before_the_first_epoch_it_goes_on_by_resume(data: Path, tmp_path: Path) -> None:
    given = options(data, tmp_path / "model", resume=True)
    with pytest.raises(StoppedError, match="before the first epoch"):
        fit(given, FitHooks(stop=lambda: True))
    assert not list(tmp_path.iterdir())
    assert (fit(given) or tmp_path).joinpath("card.json").is_file()


@pytest.mark.usefixtures("tiny_in_table")
def test_a_full_disk_is_one_sentence(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "model.keras"))

    monkeypatch.setattr(finish, "export_scorer", full)
    with pytest.raises(XrayscanError, match=r"model.keras: cannot be written \(no space left"):
        fit(options(data, tmp_path / "model"))
    assert not (tmp_path / "model").exists()


@pytest.mark.usefixtures("tiny_in_table")
def test_an_output_that_cannot_be_made(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    given = options(data, tmp_path / "file" / "model")
    with pytest.raises(XrayscanError, match="cannot be written"):
        fit(given)


@pytest.mark.usefixtures("tiny_in_table")
def test_a_small_set_with_a_damaged_film(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Fewer films than a batch, one of them damaged, still make a model; the one is counted."""
    draw_folder(tmp_path / "data", 8)
    (tmp_path / "data" / "NORMAL" / "IM-0003-0001.png").write_bytes(b"")
    fit(options(tmp_path / "data", tmp_path / "model", recipe=Recipe(epochs=1, batch_size=64)))
    training = load_card(tmp_path / "model").facts["training"]
    assert training["train"]["unreadable"] + training["validation"]["unreadable"] == 1
    assert training["train"]["films"] + training["validation"]["films"] == 15
    assert "left out: " in caplog.text
    assert "IM-0003-0001.png" in caplog.text
    assert "validation: Too small to say: 2 patients of one class" in caplog.text


@pytest.mark.usefixtures("tiny_in_table")
def test_names_that_are_no_text(data: Path, tmp_path: Path) -> None:
    odd = tmp_path / "films\udcff"
    shutil.copytree(data / "NORMAL", odd / "NORMAL")
    shutil.copytree(data / "PNEUMONIA", odd / "ill\udcff")
    given = options(odd, tmp_path / "model\udcff", population="ours\udcff", licence="free\udcff")
    out = fit(given)
    assert load_card(out).classes == ("NORMAL", "ill\udcff")
    page = (out / "README.md").read_text(encoding="utf-8")
    assert "| Whose films | ours\\udcff |" in page
    assert "ours\\udcff" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_end_to_end_with_the_default_architecture(tmp_path: Path) -> None:
    """From films on disk to a model folder that scores a film nobody has shown it."""
    data = draw_folder(tmp_path / "data", 24, side=128)
    out = fit(FitOptions(data, tmp_path / "model", folds=4, recipe=RECIPE))
    card = load_card(out)
    assert card.architecture == "efficientnet_lite0"
    assert card.input_size == 224
    draw_film(tmp_path / "new.png", 5000, side=224, blob=True)
    film = cv2.imread(str(tmp_path / "new.png"), cv2.IMREAD_GRAYSCALE).astype(np.float32)
    (scored,) = ScoringModel(out, 2).score(film[None], "gradcam")
    assert 0 <= scored.probability <= 1
    assert scored.heat_map is not None
    assert scored.heat_map.heat.shape == (7, 7)
    assert json.loads((out / "card.json").read_text())["training"]["train"]["films"] == 36
