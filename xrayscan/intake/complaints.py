"""What decoders say of a file, as the fault of that file."""

from __future__ import annotations

from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.integrity import COPY_AGAIN
from xrayscan.records import Reason


def damaged(fault: Exception, format: Format) -> ScanError:
    """Say a decoder's complaint as the fault of a file."""
    said = words(fault)
    reason = Reason.TRUNCATED if "truncated" in said else Reason.DAMAGED
    return ScanError(reason, f"the picture data is damaged ({said}); {COPY_AGAIN}", format)


def words(fault: Exception) -> str:
    """Give the decoder's own words, fit for a sentence."""
    return " ".join(str(fault).split()).rstrip(".")
