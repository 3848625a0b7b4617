"""The main job on real films with the bundled model, and the bundled model against its own Keras.

Needs the developers' films; on a user's machine these tests are skipped.
"""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from benchmarks import bundled_films
from xrayscan.cli.app import app
from xrayscan.intake.read import read_radiograph
from xrayscan.intake.resize import network_input
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import CAMS, KERAS, ModelCard, load_card
from xrayscan.scoring.engine import Scores
from xrayscan.scoring.model import ScoringModel
from xrayscan.scoring.posture import POSTURES, Posture

SCORER_TOLERANCE = 0.001  # of the probability, against the Keras model


def auc(rows: list[dict[str, str]], positive: str) -> float:
    """AUC of rows whose path holds ``positive`` for the one class and not for the other."""
    from sklearn.metrics import roc_auc_score

    labels = [positive in row["path"] for row in rows]
    return float(roc_auc_score(labels, [float(row["probability"]) for row in rows]))


def predict(*paths: Path, out: Path, code: int = 0) -> dict[str, dict[str, str]]:
    arguments = ["predict", *map(str, paths), "--report", str(out / "out.html"), "-q"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    with (out / "out.csv").open(newline="", encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return load_card(model_folder(DEFAULT_MODEL))


@pytest.fixture(scope="module")
def validation(shared_data: Path, card: ModelCard):
    """The children's films of patients that the bundled model was not trained on."""
    listed = list(bundled_films.films(shared_data))
    held_back = [film for film in listed if film.split == "val"]
    assert len(held_back) == card.facts["training"]["validation"]["films"]
    return [film for film in held_back if film.source == bundled_films.CHILDREN]


@pytest.fixture(scope="module")
def folder_run(shared_data: Path, tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("run")
    return predict(shared_data / "fullsize", shared_data / "dicom", out=out, code=3)


def test_every_file_is_a_row(folder_run, shared_data: Path) -> None:
    folders = [shared_data / part for part in ("fullsize", "dicom")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert sorted(folder_run) == sorted(map(str, files))


def test_only_the_truly_broken_file_is_unreadable(folder_run) -> None:
    unreadable = [path for path, row in folder_run.items() if row["status"] == "unreadable"]
    assert [Path(path).name for path in unreadable] == ["ljdata_966.dcm"]


def test_films_at_full_size_are_scored_and_told_apart(folder_run) -> None:
    films = [row for path, row in folder_run.items() if "fullsize" in path]
    scored = [row for row in films if row["status"] == "scored"]
    assert len(scored) >= 0.95 * len(films)
    assert auc(scored, "PNEUMONIA") >= 0.985


def test_one_film_in_every_transfer_syntax_gets_one_probability(folder_run) -> None:
    twins = [row for path, row in folder_run.items() if "MONO1" in path]
    assert len(twins) == 5
    assert {row["status"] for row in twins} == {"scored"}
    assert len({row["probability"] for row in twins}) == 1


def test_other_body_parts_are_not_assessed(folder_run) -> None:
    others = [row["status"] for path, row in folder_run.items() if "other-body-part" in path]
    assert others == ["not_assessed"] * 2


@pytest.mark.parametrize("posture", POSTURES[1:], ids=str)
def test_turned_and_inverted_films_are_turned_back(
    validation, tmp_path: Path, posture: Posture
) -> None:
    """And then get the probability that they get upright."""
    (tmp_path / "upright").mkdir()
    (tmp_path / "turned").mkdir()
    chosen = validation[:: len(validation) // 40]
    for index, film in enumerate(chosen):
        pixels = read_radiograph(str(film.path)).pixels
        cv2.imwrite(str(tmp_path / "upright" / f"{index}.png"), pixels)
        cv2.imwrite(str(tmp_path / "turned" / f"{index}.png"), posture.taken(pixels))
    rows = predict(tmp_path / "upright", tmp_path / "turned", out=tmp_path)
    undone = refused = 0
    for index in range(len(chosen)):
        upright, turned = (rows[f"{tmp_path}/{lies}/{index}.png"] for lies in ("upright", "turned"))
        if turned["detail"] == f"was {posture}; undone":
            assert turned["probability"] == upright["probability"]
            undone += 1
        refused += turned["status"] == "not_assessed"
    assert undone >= 0.9 * len(chosen)
    assert undone + refused >= 0.97 * len(chosen)


def test_auc_on_patients_never_trained_on(validation, shared_data: Path, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for film in validation:
        (films / film.path.name).symlink_to(str(film.path))
    rows = predict(films, out=tmp_path)
    scored = [row for row in rows.values() if row["status"] == "scored"]
    assert len(rows) == len(validation)
    assert len(scored) >= 0.99 * len(rows)
    assert auc(scored, "person") >= 0.985


def test_official_val_is_ranked_well(shared_data: Path, tmp_path: Path) -> None:
    rows = predict(shared_data / "kermany" / "val", out=tmp_path)
    scored = [row for row in rows.values() if row["status"] == "scored"]
    assert len(scored) == len(rows) == 16
    assert auc(scored, "PNEUMONIA") >= 0.985


@pytest.fixture(scope="module")
def pixels(validation, card: ModelCard) -> NDArray[np.float32]:
    """200 films as the network takes them, (200, S, S), 0..255."""
    chosen = validation[:: max(1, len(validation) // 200)][:200]
    return np.stack([network_input(read_radiograph(str(f.path)), card.input_size) for f in chosen])


@pytest.fixture(scope="module")
def scores(card: ModelCard, pixels: NDArray[np.float32]) -> Scores:
    return ScoringModel(card.folder, threads=2)._engine.score(pixels)


@pytest.fixture(scope="module")
def keras_model(card: ModelCard):
    import keras

    return keras.models.load_model(card.folder / KERAS)


def test_scorer_gives_the_keras_probability(pixels, scores: Scores, keras_model) -> None:
    expected = keras_model.predict(pixels[..., None], batch_size=32, verbose=0)[:, 0]
    assert len(expected) == 200
    assert np.abs(scores.probability - expected).max() <= SCORER_TOLERANCE


@pytest.mark.parametrize("film", range(0, 200, 25))
def test_heat_map_is_that_of_gradient_tape(film: int, pixels, scores: Scores, keras_model) -> None:
    """Grad-CAM as its paper has it, computed afresh on the Keras model."""
    import keras
    import tensorflow as tf

    joint = keras.Model(
        keras_model.input,
        [keras_model.get_layer("last_feature_map").output, keras_model.get_layer("logit").output],
    )
    with tf.GradientTape() as tape:
        features, logit = joint(pixels[film : film + 1, :, :, None], training=False)
    gradient = tape.gradient(logit, features).numpy()[0].astype(np.float64)
    weights = gradient.mean(axis=(0, 1))
    expected = np.maximum(features.numpy()[0].astype(np.float64) @ weights, 0)
    ours = scores.heat[CAMS[0]][film]
    assert np.corrcoef(expected.ravel(), ours.ravel())[0, 1] >= 0.999
    assert ours.max() == pytest.approx(expected.max(), rel=0.02)
