from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

CHECKOUT = Path(__file__).resolve().parent.parent

# the same examples in every run, however long a busy machine takes over them
settings.register_profile(
    "seeded", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("seeded")

# TensorFlow's start-up messages are no concern of any test; one seed for what Keras leaves to
# chance is set where it is used
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
