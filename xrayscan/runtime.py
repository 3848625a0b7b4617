"""OpenVINO, kept from telling its makers that and how it is used, and its one core.

Other runtimes are kept from it as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_SILENT = {"CI": "true", "NNCF_CI": "true", "ORT_DISABLE_TELEMETRY": "1"}


def openvino() -> Any:
    """Load OpenVINO; alone it would report that on import, and keep an identifier in ``~/intel``.

    The heaviest import of ``predict``: commands without a model skip it.
    """
    with no_usage_reports():
        import openvino
    return openvino


def onnx_runtime() -> Any:
    """Load ONNX Runtime; alone it would report that, and keep an identifier in ``~/.cache``."""
    with no_usage_reports():
        import onnxruntime
    return onnxruntime


@cache
def core() -> Any:
    """The one ``openvino.Core`` of this process, which lives as long as the process.

    Each sets up a stack for signals and puts back, when it goes, the one that it found. Of two that
    overlap the first to go leaves the other one a stack that is no more, and the next signal, such
    as the one that stops a run, kills the process.
    """
    made = openvino().Core()
    # weights that are only mapped are read from the file all night: a share that goes away, or
    # a model that is put in its place, would kill this process (SIGBUS)
    made.set_property({"ENABLE_MMAP": False})
    return made


@contextmanager
def no_usage_reports() -> Iterator[None]:
    """Keep OpenVINO on import and its converter, NNCF and ONNX Runtime from reporting.

    They report to their makers by default, the first two unless they take themselves to be part of
    a CI job; from forked processes at that, which beside TensorFlow's threads can wait for each
    other for ever. ONNX Runtime looks when it is loaded, and never again.
    """
    before = {name: os.environ[name] for name in _SILENT if name in os.environ}
    os.environ.update(_SILENT)
    try:
        yield
    finally:
        for name in _SILENT:
            del os.environ[name]
        os.environ.update(before)
