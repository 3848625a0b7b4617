"""Whole recipes by name: those of the bundled models and of the published projects.

A published preset says what its authors do about architecture, augmentation, optimizer and stages;
patients are kept apart and thresholds chosen on validation patients whatever the authors did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xrayscan.errors import OptionError

# By ``fit``'s own option names. Sources: the recurring notebooks on Kermany's data, and the
# project reports on transfer learning with it.
_TWO_STAGES: Mapping[str, Any] = {
    "origin": "imagenet",
    "augmentation": "seed",
    "optimizer": "adam",
    "unfreeze": "last",
    "epochs": 20,
    "patience": 5,
}
_FROM_CHANCE: Mapping[str, Any] = {
    "origin": "none",
    "augmentation": "seed",
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "epochs": 20,
    "patience": 5,
}
# Of the bundled models, on the lists that benchmarks/bundled_films.py writes; benchmarks/bundled.sh
# makes them, and docs/experiments.md says why so.
_SOURCES: Mapping[str, Any] = {
    "population": "children of 1 to 5 years, Guangzhou Women and Children's Medical Center; "
    "adults, NIH Clinical Center; adults of COVID-19 collections",
    "licence": "Kermany, Zhang, Goldbaum 2018, CC BY 4.0; ChestX-ray14 (NIH), with labels of the "
    "RSNA 2018 challenge, academic use; COVID-19 Radiography Database, academic use",
}
_FIRST: Mapping[str, Any] = {
    "arch": "efficientnet_lite0",
    "augmentation": "strong",
    "unfreeze": "all",
    "learning_rate": 4e-4,
    "epochs": 8,
    **_SOURCES,
}
_SMOOTHED: Mapping[str, Any] = {**_FIRST, "smoothing": 2, "learning_rate": 2e-4, "epochs": 4}
_VARIED: Mapping[str, Any] = {
    **_FIRST,
    "augmentation": "archives",
    "learning_rate": 2.5e-4,
    "epochs": 5,
}
_TAUGHT: Mapping[str, Any] = {**_VARIED, "smoothing": 2, "learning_rate": 1e-4, "epochs": 3}
_MARGINS: Mapping[str, Any] = {**_TAUGHT, "augmentation": "margins", "epochs": 4}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "bundled-accurate": {"mirrored": True, **_SOURCES},
    "bundled-fast": {"smoothing": 3, "epochs": 0, **_SOURCES},
    "bundled-first": _FIRST,
    "bundled-margins": _MARGINS,
    "bundled-smoothed": _SMOOTHED,
    "bundled-taught": _TAUGHT,
    "bundled-varied": _VARIED,
    "published-cnn": {"arch": "cnn", **_FROM_CHANCE},
    "published-cnn-transformer": {"arch": "cnn_transformer", **_FROM_CHANCE},
    "published-densenet121": {"arch": "densenet121", **_TWO_STAGES},
    "published-mobilenet": {"arch": "mobilenet", **_TWO_STAGES},
    "published-resnet50": {"arch": "resnet50", **_TWO_STAGES},
}


def preset(name: str) -> Mapping[str, Any]:
    """Return a preset's options; none for "".

    Raises:
        UsageError: there is no such preset.
    """
    if not name:
        return {}
    if name not in PRESETS:
        raise OptionError("preset", name, f"choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
