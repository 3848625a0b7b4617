"""From a scan to its radiograph: the one place where the faults of a file become a ScanError."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass

from xrayscan.errors import ScanError
from xrayscan.intake.dicom import decode_dicom
from xrayscan.intake.formats import EXTENSIONS, SNIFF_BYTES, Format, foreign_kind, sniff
from xrayscan.intake.integrity import COPY_AGAIN, check_extent, check_not_blank, check_size
from xrayscan.intake.raster import decode_raster
from xrayscan.records import Radiograph, Reason

# What the operating system says when a file is gone rather than faulty.
_GONE = (errno.ENOENT, errno.ESTALE)
_DENIED = (errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes and their sha256 (hexadecimal)."""

    data: bytes
    sha256: str


def read_content(location: str) -> Content:
    """Read a whole file.

    Raises:
        ScanError: it is gone, empty, too large, not readable, or the share failed.
    """
    try:
        # paths stay strings: they may not be UTF-8
        check_size(os.stat(location).st_size)  # noqa: PTH116
        with open(location, "rb") as file:  # noqa: PTH123
            data = file.read()
    except OSError as fault:
        raise _os_fault(fault) from None
    check_size(len(data))
    return Content(data, hashlib.sha256(data).hexdigest())


def decode(content: Content, name: str) -> Radiograph:
    """Decode a file's content by what it is, whatever its name says.

    Args:
        content: the file's bytes.
        name: its path; only used to note an extension that says something else.

    Raises:
        ScanError: no picture, damaged, unsupported, or nothing that could be a film.
    """
    head = content.data[:SNIFF_BYTES]
    format = sniff(head)
    if format is None:
        raise ScanError(Reason.NOT_AN_IMAGE, _not_an_image(head))
    try:
        radiograph = (
            decode_dicom(content.data)
            if format is Format.DICOM
            else decode_raster(content.data, format)
        )
    except ScanError:
        raise
    except Exception as fault:  # decoders raise anything at all on damaged bytes; it stays one row
        detail = f"cannot be decoded ({type(fault).__name__}); {COPY_AGAIN}"
        raise ScanError(Reason.DAMAGED, detail, format) from fault
    radiograph = _with_extension_note(radiograph, format, name)
    check_extent(radiograph)
    check_not_blank(radiograph)
    return radiograph


def read_radiograph(location: str) -> Radiograph:
    """Read and decode one file; raises ScanError as ``read_content`` and ``decode`` do."""
    return decode(read_content(location), location)


def _os_fault(fault: OSError) -> ScanError:
    if fault.errno in _GONE:
        return ScanError(Reason.GONE, "was listed, and gone when its turn came")
    if fault.errno in _DENIED:
        return ScanError(Reason.PERMISSION, "permission denied; grant the running user read access")
    words = (fault.strerror or type(fault).__name__).lower()
    return ScanError(Reason.IO_ERROR, f"reading failed ({words}); check the drive or share")


def _not_an_image(head: bytes) -> str:
    if not head.strip(b"\0"):
        return f"starts with nothing but zero bytes; {COPY_AGAIN}"
    return f"is {foreign_kind(head)}; give it as JPEG, PNG, TIFF, BMP or DICOM"


def _with_extension_note(radiograph: Radiograph, format: Format, name: str) -> Radiograph:
    extension = os.path.splitext(name)[1].lower()  # noqa: PTH122
    if EXTENSIONS.get(extension, format) is format:
        return radiograph
    note = f"named {extension}, but is {format}"
    return Radiograph(
        radiograph.pixels, radiograph.peak, radiograph.format, (*radiograph.notes, note)
    )
