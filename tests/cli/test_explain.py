from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.test_evaluate import films, run
from tests.films import draw_film, png_bytes
from xrayscan.evaluation.explaining import map_tests
from xrayscan.evaluation.explaining.map_tests import boxes_of

__all__ = ["films"]  # the fixture


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.png"
    path.write_bytes(png_bytes(draw_film(5)))
    return path


def test_methods_side_by_side(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "why.png"
    methods = "gradcam,gradcam++,occlusion"
    done = run("explain", film, "--method", methods, "--admission", "off", "--out", out)
    assert done.exit_code == 0, done.output
    picture = cv2.imread(str(out))
    height, width, _ = picture.shape
    assert width > 3 * height  # the film and three maps
    assert [line.partition(":")[0] for line in done.stdout.splitlines()[1:]] == [
        "Grad-CAM",
        "Grad-CAM++",
        "Occlusion",
    ]
    assert "shuffled maps" in done.stdout
    predicted = run("predict", film, "--admission", "off", "--quiet").stdout.splitlines()[1]
    assert done.stdout.splitlines()[0] == f"P(PNEUMONIA) {float(predicted.split(',')[3]):.3f}"
    assert [path.name for path in out.parent.iterdir()] == ["why.png"]


def test_a_film_lies_as_predict_scores_it(film: Path, tmp_path: Path) -> None:
    """Without admission, whose look at its posture is what turns it back."""
    film.write_bytes(png_bytes(np.rot90(draw_film(5)).copy()))
    predicted = run("predict", film, "--admission", "off", "--quiet").stdout.splitlines()[1]
    done = run("explain", film, "--admission", "off", "--out", tmp_path / "why.png")
    assert done.stdout.splitlines()[0] == f"P(PNEUMONIA) {float(predicted.split(',')[3]):.3f}"


def test_a_picture_that_cannot_be_written_leaves_nothing(film: Path, tmp_path: Path) -> None:
    (tmp_path / "why.png").mkdir()
    done = run("explain", film, "--admission", "off", "--out", tmp_path / "why.png")
    assert done.exit_code == 1
    assert f"{tmp_path / 'why.png'}: cannot be written" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"film.png", "why.png"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--method", "magic", "--out", "x.png"), "choose from gradcam, gradcam++, scorecam"),
        (("--method", ",", "--out", "x.png"), "choose from gradcam"),
        (("--out", "x.jpg"), "give a name that ends in .png"),
    ],
)
def test_faults_are_said_in_a_sentence(film: Path, more: tuple[str, ...], words: str) -> None:
    done = run("explain", film, *more)
    assert done.exit_code == 2
    assert words in done.stderr


def test_the_film_itself_is_never_overwritten(film: Path) -> None:
    before = film.read_bytes()
    done = run("explain", film, "--out", film)
    assert done.exit_code == 2
    assert "is the film itself" in done.stderr
    assert film.read_bytes() == before


def test_what_predict_would_not_score_is_not_drawn(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(png_bytes(np.random.default_rng(1).integers(0, 255, (300, 300)).astype("u1")))
    out = tmp_path / "why.png"
    row = run("predict", photo, "--quiet").stdout.splitlines()[1]
    assert ",not_assessed," in row
    done = run("explain", photo, "--out", out)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"xrayscan: {photo}: ")
    assert "--admission warn draws it all the same" in done.stderr
    assert not out.exists()
    done = run("explain", photo, "--out", out, "--admission", "warn")
    assert done.exit_code == 0, done.output
    assert "does not look like a frontal chest film" in done.stdout.splitlines()[1]
    assert out.exists()


def test_a_film_that_is_not_there(tmp_path: Path) -> None:
    done = run("explain", tmp_path / "none.png", "--out", tmp_path / "x.png")
    assert done.exit_code == 2
    assert done.stderr == f"xrayscan: {tmp_path / 'none.png'}: no such file; give a film\n"


def test_a_folder_is_no_film(tmp_path: Path) -> None:
    done = run("explain", tmp_path, "--out", tmp_path / "x.png")
    assert done.exit_code == 2
    assert done.stderr == f"xrayscan: {tmp_path}: is a folder; give one film of it\n"


def test_a_broken_film_is_said_in_a_sentence(film: Path, tmp_path: Path) -> None:
    film.write_bytes(film.read_bytes()[:300])
    done = run("explain", film, "--out", tmp_path / "x.png")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"xrayscan: {film}: ")


def test_evaluate_tests_the_maps(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_tests, "FILMS", 3)
    mask = np.zeros((100, 100), np.uint8)
    mask[:, :50] = 255
    (films / "PNEUMONIA" / "lungs.mask").write_bytes(png_bytes(mask))
    data = tmp_path / "films.csv"
    names = [films / "PNEUMONIA" / f"{seed}.png" for seed in range(20, 24)]
    rows = "".join(f"{name},PNEUMONIA,lungs.mask,0 0 1 1\n" for name in names)
    data.write_text(f"path,label,lung_mask,boxes\n{rows}")
    done = run(
        "evaluate", data, "--admission", "off", "--threshold", "0", "--explanations",
        "--json", tmp_path / "e.json", "--report", tmp_path / "e.html",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))["explanations"]
    assert found["films"] == 3
    assert set(found["methods"]) == {"gradcam", "gradcam++"}
    for row in found["methods"].values():
        gain, chance = (row[f"removal_gain{name}"]["value"] for name in ("", "_of_shuffled_maps"))
        over = row["removal_gain_over_shuffled"]["value"]
        assert over == pytest.approx(gain - chance, abs=2e-6)
        assert -1 <= row["shift_agreement"]["value"] <= 1
        assert row["pointing_game"] == {"value": 1.0, "of": 3}
        assert 0 <= row["heat_inside_lungs"]["value"] <= 1
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert "Do the heat maps mean anything?" in page
    assert "Grad-CAM: test passed" in page or "Grad-CAM: not reliable" in page


def test_no_film_called_positive_leaves_nothing_to_test(films: Path, tmp_path: Path) -> None:
    done = run(
        "evaluate", films, "--admission", "off", "--threshold", "1", "--explanations",
        "--json", tmp_path / "e.json", "--report", tmp_path / "e.html",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))["explanations"]
    assert found == {"why": "No film was called positive: there is no heat to test."}


def test_boxes() -> None:
    assert boxes_of("0.1 0.2 0.3 0.4; 0 0 1 1") == [(0.1, 0.2, 0.3, 0.4), (0, 0, 1, 1)]
    with pytest.raises(Exception, match="give left, top, width and height"):
        boxes_of("1 2 3")
