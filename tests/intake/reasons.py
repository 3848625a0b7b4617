"""Why a check refuses."""

from __future__ import annotations

from collections.abc import Callable

from xrayscan.errors import ScanError
from xrayscan.records import Reason


def reason_of(check: Callable[[], object]) -> Reason | None:
    """Why a check refuses; None where it does not."""
    try:
        check()
    except ScanError as fault:
        return fault.reason
    return None
