"""From a scan to its radiograph: the one place where the faults of a file become a ScanError."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from stat import S_ISDIR, S_ISREG

from xrayscan.errors import ScanError, words_of
from xrayscan.intake.formats import EXTENSIONS, SNIFF_BYTES, Format, foreign_kind, sniff
from xrayscan.intake.integrity import COPY_AGAIN, check_extent, check_not_blank, check_size
from xrayscan.intake.options import USUAL, DecodeOptions
from xrayscan.intake.raster import decode_raster
from xrayscan.records import Radiograph, Reason, Scan

# What the operating system says when a file is gone rather than faulty.
_GONE = (errno.ENOENT, errno.ESTALE)
_DENIED = (errno.EACCES, errno.EPERM)
# What a share says that is away for a moment: a server that is restarted, a handle that has to be
# opened again. Seconds to wait before each new try.
_PASSING = frozenset(
    {
        errno.EIO,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.EAGAIN,
        errno.ENOTCONN,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ECONNRESET,
    }
)
RETRY_AFTER_S = (0.5, 2.0)
_OPENCV_OUT_OF_MEMORY = -4  # cv::Error::StsNoMem, as the code of a cv2.error


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes and their sha256 (hexadecimal)."""

    data: bytes
    sha256: str


def check_settled(scan: Scan, min_age: float) -> None:
    """Refuse a file that is still being written.

    Args:
        scan: the file as it was listed.
        min_age: seconds; 0 takes files of any age. A time in the future, of a clock that is wrong,
            is no age at all.

    Raises:
        ScanError: it has changed since it was listed, or is younger than ``min_age``.
    """
    try:
        now = os.stat(scan.location)  # noqa: PTH116  # paths stay strings: they may not be UTF-8
    except OSError:
        return  # reading it will say what is wrong
    if scan.modified_ns and (now.st_size, now.st_mtime_ns) != (scan.size_bytes, scan.modified_ns):
        raise ScanError(Reason.GROWING, "changed after it was listed; the next run takes it")
    if 0 <= time.time() - now.st_mtime < min_age:
        raise ScanError(
            Reason.GROWING,
            f"changed less than {min_age:g} s ago, may still be growing; the next run takes it",
        )


def read_content(location: str) -> Content:
    """Read a whole file; where a share is away for a moment, try again.

    Raises:
        ScanError: it is gone, no regular file, empty, too large, not readable, or the share failed.
    """
    for seconds in RETRY_AFTER_S:
        try:
            return _read_once(location)
        except OSError as fault:
            if fault.errno not in _PASSING:
                raise _os_fault(fault) from None
        time.sleep(seconds)
    try:
        return _read_once(location)
    except OSError as fault:
        raise _os_fault(fault) from None


def _read_once(location: str) -> Content:
    stat = os.stat(location)  # noqa: PTH116
    if not (S_ISREG(stat.st_mode) or S_ISDIR(stat.st_mode)):  # opening a pipe waits for ever
        detail = "is no regular file but a pipe or a device; give files and folders"
        raise ScanError(Reason.NOT_AN_IMAGE, detail)
    check_size(stat.st_size)
    with open(location, "rb") as file:  # noqa: PTH123
        data = file.read()
    check_size(len(data))
    return Content(data, hashlib.sha256(data).hexdigest())


def decode(content: Content, name: str, options: DecodeOptions = USUAL) -> Radiograph:
    """Decode a file's content by what it is, whatever its name says.

    Args:
        content: the file's bytes.
        name: its path; only used to note an extension that says something else.
        options: what is too large.

    Raises:
        ScanError: no picture, damaged, unsupported, or nothing that could be a film.
        MemoryError: there is not enough for this film, which is no fault of the film.
    """
    head = content.data[:SNIFF_BYTES]
    format = sniff(head)
    if format is None:
        raise ScanError(Reason.NOT_AN_IMAGE, _not_an_image(head))
    decoder = _decoder(format)
    try:
        radiograph = decoder(content.data, options)
    except (ScanError, MemoryError):
        raise
    except Exception as fault:  # decoders raise anything at all on damaged bytes; it stays one row
        if getattr(fault, "code", None) == _OPENCV_OUT_OF_MEMORY:
            raise MemoryError from fault
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
    words = words_of(fault)
    return ScanError(Reason.IO_ERROR, f"reading failed ({words}); check the drive or share")


def _decoder(format: Format) -> Callable[[bytes, DecodeOptions], Radiograph]:
    if format is not Format.DICOM:
        return lambda data, options: decode_raster(data, format, options)
    # here: pydicom takes an eighth of the start of a run, and most folders have no DICOM
    from xrayscan.intake.dicom import decode_dicom

    return decode_dicom


def _not_an_image(head: bytes) -> str:
    if not head.strip(b"\0"):
        return f"starts with nothing but zero bytes; {COPY_AGAIN}"
    return f"is {foreign_kind(head)}; give it as JPEG, PNG, TIFF, BMP or DICOM"


def _with_extension_note(radiograph: Radiograph, format: Format, name: str) -> Radiograph:
    extension = os.path.splitext(name)[1].lower()  # noqa: PTH122
    if EXTENSIONS.get(extension, format) is format:
        return radiograph
    note = f"named {extension}, but is {format}"
    return replace(radiograph, notes=(*radiograph.notes, note))
