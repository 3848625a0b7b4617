"""Packages that an installation for scoring alone leaves out, asked for before work begins."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from xrayscan.errors import UsageError

# by the module that is imported; install_requires without requirements-predict.txt
LEFT_OUT = {
    "matplotlib": "matplotlib",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "keras": "tensorflow",
}
MEASURING = ("matplotlib", "scipy", "sklearn")
EXPORTING = ("keras",)
TRAINING = (*MEASURING, *EXPORTING)


def need(command: str, modules: Sequence[str]) -> None:
    """Refuse a command whose packages are not installed.

    Raises:
        UsageError: one of them is missing.
    """
    missing = [LEFT_OUT[name] for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        *others, last = missing
        names = f"{', '.join(others)} and {last}" if others else last
        raise UsageError(
            f"{command}: needs {names}, which an installation that only scores leaves "
            f"out; pip install {' '.join(missing)}"
        )
