from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

# one seed for everything that Keras and Hypothesis leave to chance is set where it is used;
# TensorFlow's start-up messages are no concern of any test
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def checkout() -> Path:
    return CHECKOUT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The developers' real films; not there on a user's machine."""
    folder = CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the developers' films in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """The developers' pretrained backbones; not there on a user's machine."""
    folder = CHECKOUT.parent / "shared" / "weights"
    if not folder.is_dir():
        pytest.skip("needs the developers' weights in ../shared/weights")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium; Playwright's own download is not wanted."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    pytest.skip("needs Chromium on the PATH")
