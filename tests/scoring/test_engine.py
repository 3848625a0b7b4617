from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import SIZE, TINY
from xrayscan.errors import ModelError
from xrayscan.scoring.engine import Engine, Scores

NEIGHBOURS = {
    "black": np.zeros((SIZE, SIZE), np.float32),
    "white": np.full((SIZE, SIZE), 255, np.float32),
    "not a number": np.full((SIZE, SIZE), np.nan, np.float32),
}


@pytest.fixture(scope="module")
def engines(scorer: Path) -> dict[int, Engine]:
    return {threads: Engine(scorer, SIZE, threads) for threads in (1, 2)}


@pytest.fixture(scope="module")
def alone(engines: dict[int, Engine], films: np.ndarray) -> list[Scores]:
    """Each film by itself on one thread: what it must get everywhere."""
    return [engines[1].score(films[index : index + 1]) for index in range(len(films))]


def assert_same_bits(scores: Scores, row: int, single: Scores) -> None:
    assert scores.probability[row].tobytes() == single.probability[0].tobytes()
    assert scores.embedding[row].tobytes() == single.embedding[0].tobytes()
    assert scores.admission[row].tobytes() == single.admission[0].tobytes()
    for name, heat in single.heat.items():
        assert scores.heat[name][row].tobytes() == heat[0].tobytes()


def test_probability_is_that_of_keras(
    engines: dict[int, Engine], tiny_classifier: Any, films: np.ndarray
) -> None:
    expected = tiny_classifier.predict_on_batch(films[..., None])[:, 0]
    assert np.ptp(expected) > 0.05  # films that all score alike would prove nothing
    np.testing.assert_allclose(engines[2].score(films).probability, expected, atol=1e-3)


def test_embedding_and_admission_features_are_those_of_keras(
    engines: dict[int, Engine], tiny_classifier: Any, films: np.ndarray
) -> None:
    import keras

    backbone = tiny_classifier.get_layer("backbone")
    layers = [backbone.get_layer(name).output for name in TINY.admission_layers]
    rgb = films[..., None].repeat(3, axis=-1)
    pooled = [
        values.mean(axis=(1, 2))
        for values in keras.Model(backbone.input, layers).predict_on_batch(rgb)
    ]
    scores = engines[2].score(films)
    np.testing.assert_allclose(scores.embedding, pooled[-1], rtol=1e-2, atol=1e-3)
    expected = np.concatenate(pooled, axis=1)
    np.testing.assert_allclose(scores.admission, expected, rtol=1e-2, atol=1e-3)


def test_an_engine_that_is_done_with_is_freed(scorer: Path, films: np.ndarray) -> None:
    engine = Engine(scorer, SIZE, 2)
    engine.score(films)
    left = weakref.ref(engine)
    del engine
    gc.collect()
    assert left() is None


@pytest.mark.parametrize("count", [1, 2, 7])
def test_shapes_and_types(engines: dict[int, Engine], films: np.ndarray, count: int) -> None:
    scores = engines[2].score(films[:count])
    assert scores.probability.shape == (count,)
    assert scores.embedding.shape == (count, 16)
    assert scores.admission.shape == (count, 8 + 16)
    assert {name: heat.shape for name, heat in scores.heat.items()} == {
        "gradcam": (count, 8, 8),
        "gradcam++": (count, 8, 8),
    }
    for values in (scores.probability, scores.embedding, scores.admission, *scores.heat.values()):
        assert values.dtype == np.float32
    assert ((scores.probability >= 0) & (scores.probability <= 1)).all()
    assert all((heat >= 0).all() and heat.any() for heat in scores.heat.values())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [1, 2, 7, 12])
def test_same_bits_in_any_batch(
    engines: dict[int, Engine], films: np.ndarray, alone: list[Scores], threads: int, count: int
) -> None:
    scores = engines[threads].score(films[:count])
    for row in range(count):
        assert_same_bits(scores, row, alone[row])


@pytest.mark.parametrize("seed", range(3))
def test_same_bits_in_any_order(
    engines: dict[int, Engine], films: np.ndarray, alone: list[Scores], seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(len(films))
    scores = engines[2].score(films[order])
    for row, film in enumerate(order):
        assert_same_bits(scores, row, alone[film])


@pytest.mark.parametrize("neighbour", NEIGHBOURS.values(), ids=NEIGHBOURS)
def test_same_bits_beside_any_neighbour(
    engines: dict[int, Engine], films: np.ndarray, alone: list[Scores], neighbour: np.ndarray
) -> None:
    scores = engines[2].score(np.stack([neighbour, films[0], neighbour, films[1], neighbour]))
    assert_same_bits(scores, 1, alone[0])
    assert_same_bits(scores, 3, alone[1])


def test_same_bits_again_and_again(
    engines: dict[int, Engine], films: np.ndarray, alone: list[Scores]
) -> None:
    for _ in range(5):
        scores = engines[2].score(films)
        for row, single in enumerate(alone):
            assert_same_bits(scores, row, single)


def test_results_are_the_callers_own(
    engines: dict[int, Engine], films: np.ndarray, alone: list[Scores]
) -> None:
    """A later batch must not write into an earlier one's arrays."""
    first = engines[2].score(films[:3])
    engines[2].score(films[3:])
    for row in range(3):
        assert_same_bits(first, row, alone[row])


def test_a_view_of_a_larger_array_scores_the_same(
    engines: dict[int, Engine], films: np.ndarray, alone: list[Scores]
) -> None:
    wide = np.zeros((4, 2 * SIZE, 2 * SIZE), np.float32)
    wide[:, ::2, ::2] = films[:4]
    scores = engines[2].score(wide[:, ::2, ::2])
    for row in range(4):
        assert_same_bits(scores, row, alone[row])


FAULTS = {
    "no graph": lambda xml: xml.unlink(),
    "no weights": lambda xml: xml.with_suffix(".bin").unlink(),
    "garbage for a graph": lambda xml: xml.write_text("garbage"),
    "empty graph": lambda xml: xml.write_bytes(b""),
    "graph cut in the middle": lambda xml: xml.write_bytes(xml.read_bytes()[:3000]),
    "weights cut in the middle": lambda xml: xml.with_suffix(".bin").write_bytes(bytes(50)),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_broken_scorer(tmp_path: Path, scorer: Path, fault: Any) -> None:
    broken = tmp_path / "scorer.xml"
    broken.write_bytes(scorer.read_bytes())
    broken.with_suffix(".bin").write_bytes(scorer.with_suffix(".bin").read_bytes())
    fault(broken)
    with pytest.raises(ModelError) as raised:
        Engine(broken, SIZE, 1)
    message = str(raised.value)
    assert message.startswith(f"{broken}: cannot be loaded (")
    assert message.endswith("; restore the model folder")
    assert "\n" not in message
    assert "Exception from" not in message  # where in the runtime's source: no help to anyone


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_each_film_takes_a_core_and_gives_it_back(
    scorer: Path, films: np.ndarray, alone: list[Scores], cores: int
) -> None:
    """With one core left the others' are waited for, and afterwards all are there again."""
    shared = threading.Semaphore(cores)
    engine = Engine(scorer, SIZE, 2, cores=shared)
    shared.acquire()
    threading.Timer(0.2, shared.release).start()
    assert_same_bits(engine.score(films), 0, alone[0])
    assert [shared.acquire(timeout=1) for _ in range(cores)] == [True] * cores
    assert not shared.acquire(blocking=False)


def test_cores_of_films_that_fail_are_given_back(scorer: Path, films: np.ndarray) -> None:
    shared = threading.Semaphore(2)
    engine = Engine(scorer, SIZE, 2, cores=shared)
    with pytest.raises(RuntimeError):
        engine.score(films[:, :-1])  # not of the size that the scorer takes
    assert [shared.acquire(timeout=1) for _ in range(2)] == [True, True]


def test_none_is_in_hand_after_it_is_stopped(
    scorer: Path, films: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that calls back while the process ends would abort it."""
    shared = threading.Semaphore(2)
    engine = Engine(scorer, SIZE, 2, cores=shared)
    done = type(engine._done)
    keep = done.__call__
    monkeypatch.setattr(done, "__call__", lambda *call: (time.sleep(0.2), keep(*call)))
    acquire: Iterator[Callable[[], object]] = iter([shared.acquire, shared.acquire, ctrl_c])
    monkeypatch.setattr(shared, "acquire", lambda: next(acquire)())
    with pytest.raises(KeyboardInterrupt):
        engine.score(films)
    monkeypatch.undo()
    assert [shared.acquire(blocking=False) for _ in range(3)] == [True, True, False]


def ctrl_c() -> None:
    raise KeyboardInterrupt


def test_threads_that_ask_at_once_get_what_is_theirs(
    engines: dict[int, Engine], films: np.ndarray, alone: list[Scores]
) -> None:
    with ThreadPoolExecutor(4) as threads:
        turns = [list(range(len(films)))[turn % 3 :] for turn in range(24)]
        asked = [threads.submit(engines[2].score, films[turn]) for turn in turns]
        for turn, answer in zip(turns, asked, strict=True):
            for row, film in enumerate(turn):
                assert_same_bits(answer.result(), row, alone[film])


_STOP_AFTER_TWO = """
import gc, signal, sys
from pathlib import Path
from xrayscan.scoring.engine import Engine
engines = [Engine(Path(sys.argv[1]), int(sys.argv[2]), 1) for _ in range(2)]
for _ in range(2):
    del engines[0]
    gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
signal.raise_signal(signal.SIGTERM)
"""


def test_signals_are_heard_after_several_engines_have_gone(scorer: Path) -> None:
    """The runtime's stacks for signals, put back in another order, end at one that is no more."""
    code = [sys.executable, "-c", _STOP_AFTER_TWO, str(scorer), str(SIZE)]
    assert subprocess.run(code, capture_output=True, text=True).stdout == "heard\n"


_SCORE_WITHOUT_FILE = """
import sys
from pathlib import Path
import numpy as np
from xrayscan.scoring.engine import Engine
scorer, size = Path(sys.argv[1]), int(sys.argv[2])
engine = Engine(scorer, size, 1)
scorer.with_suffix(".bin").write_bytes(b"")
engine.score(np.zeros((1, size, size), np.float32))
"""


def test_a_scorer_that_goes_away_is_needed_no_more(tmp_path: Path, scorer: Path) -> None:
    """On a share, or replaced by another model: a file that is mapped would end the process."""
    for suffix in (".xml", ".bin"):
        shutil.copyfile(scorer.with_suffix(suffix), tmp_path / f"scorer{suffix}")
    done = subprocess.run(
        [sys.executable, "-c", _SCORE_WITHOUT_FILE, str(tmp_path / "scorer.xml"), str(SIZE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
