"""Where the templates and the bundled models are: in a wheel, an editable install or a checkout."""

from __future__ import annotations

from pathlib import Path

from xrayscan.errors import UsageError, XrayscanError

DEFAULT_MODEL = "fast"


def templates_folder() -> Path:
    """Return the folder of the report's templates, style and script."""
    return _data_folder("templates")


def bundled_models() -> dict[str, Path]:
    """Return the bundled models' folders by name, alphabetically."""
    root = _data_folder("models")
    return {path.parent.name: path.parent for path in sorted(root.glob("*/card.json"))}


def model_folder(name_or_folder: str) -> Path:
    """Find a model by the name of a bundled one or by its folder.

    Raises:
        UsageError: it is neither.
    """
    bundled = bundled_models()
    if name_or_folder in bundled:
        return bundled[name_or_folder]
    folder = Path(name_or_folder)
    if folder.is_dir():
        return folder
    names = ", ".join(bundled) or "none"
    raise UsageError(f"{name_or_folder}: neither a model folder nor a bundled model ({names})")


def _data_folder(name: str) -> Path:
    """Look beside this file (installed from a wheel), then one level up (checkout or editable).

    ``importlib.resources`` cannot be used: it does not follow ``package_dir`` in editable installs.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / name, here.parent / name):
        if folder.is_dir():
            return folder
    raise XrayscanError(f"{here / name}: missing from the installation; install xrayscan again")
