"""OpenVINO, kept from telling its makers that and how it is used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def openvino() -> Any:
    """Load OpenVINO; alone it would report that on import, and keep an identifier in ``~/intel``.

    The heaviest import of ``predict``: commands without a model skip it.
    """
    with no_usage_reports():
        import openvino
    return openvino


@contextmanager
def no_usage_reports() -> Iterator[None]:
    """Keep OpenVINO on import and its converter, and NNCF, from reporting to their makers.

    They report by default, unless they take themselves to be part of a CI job; from forked
    processes at that, which beside TensorFlow's threads can wait for each other for ever.
    """
    names = ("CI", "NNCF_CI")
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ.update(dict.fromkeys(names, "true"))
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]
        os.environ.update(before)
