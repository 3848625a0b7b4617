"""Whole recipes by name: those of the published projects that xrayscan follows.

A preset says what its authors do about architecture, augmentation, optimizer and stages; patients
are kept apart and thresholds chosen on validation patients whatever the authors did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xrayscan.errors import UsageError

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
PRESETS: Mapping[str, Mapping[str, Any]] = {
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
        raise UsageError(f"--preset {name}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
