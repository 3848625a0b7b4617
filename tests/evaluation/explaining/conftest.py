"""The small classifier of the scoring tests as a network that can be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scoring.conftest import films, runnable, scorer, tiny_classifier
from xrayscan.evaluation.explaining.methods import Network
from xrayscan.scoring.card import load_card

__all__ = ["films", "runnable", "scorer", "tiny_classifier"]


@pytest.fixture
def network(runnable: Path) -> Network:
    return Network.of(load_card(runnable), 1)
