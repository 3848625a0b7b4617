"""Deflated DICOM files: the data set is coded as a whole, and without a checksum (PS3.5, A.5).

Damage within hardly ever contradicts the code, but what comes out then has another length, and ends
elsewhere than its elements do.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import BinaryIO

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.integrity import COPY_AGAIN, MAX_FILE_BYTES
from xrayscan.records import Reason

_META_BYTES = 2000  # within which the transfer syntax is named
_START_BYTES = 1_000_000  # who a film is of stands among the first elements, far within
_PREAMBLE = 132  # bytes, with the magic word
_META = 2  # the group of the elements that are never deflated
# What may follow the picture: digital signatures and padding (PS3.6, table 6-1).
_AFTER_PICTURE = (b"\xfa\xff\xfa\xff", b"\xfc\xff\xfc\xff")
_TRAILER = 8  # bytes: some writers append gzip's CRC and length (RFC 1952, 2.3.1)


def read_deflated(data: bytes) -> Dataset | None:
    """Read a deflated file; None for any other.

    Raises:
        ScanError: it is damaged, cut, or inflates to more than any film.
    """
    parts = _parts(data)
    if parts is None:
        return None
    meta, coded = parts
    whole = _inflated(coded)
    read = read_dataset(io.BytesIO(whole), False, True)
    dataset = FileDataset("", read, file_meta=meta, is_implicit_VR=False, is_little_endian=True)
    _check_end(dataset, whole)
    return dataset


def read_deflated_start(file: BinaryIO, keywords: Sequence[str]) -> Dataset | None:
    """Read some of the first elements of a deflated file, as far as ``_START_BYTES`` go.

    What a file inflates to has no limit, and pydicom knows none either.

    Args:
        file: at its beginning; of any other file little is read.
        keywords: of the elements.

    Returns:
        None for any other file.
    """
    head = file.read(_META_BYTES)
    parts = _parts(head + file.read(_START_BYTES)) if _may_be_deflated(head) else None
    if parts is None:
        return None
    start = zlib.decompressobj(-zlib.MAX_WBITS).decompress(parts[1], _START_BYTES)
    tags: list[BaseTag | int] = [Tag(keyword) for keyword in keywords]
    return read_dataset(io.BytesIO(start), False, True, specific_tags=tags)


def _may_be_deflated(data: bytes) -> bool:
    named = DeflatedExplicitVRLittleEndian.encode() in data[:_META_BYTES]
    return named and data[128:132] == b"DICM"


def _parts(data: bytes) -> tuple[FileMetaDataset, bytes] | None:
    """The elements that say how a deflated file is coded, and its coded data."""
    if not _may_be_deflated(data):
        return None
    file = io.BytesIO(data)
    file.seek(_PREAMBLE)
    meta = FileMetaDataset(read_dataset(file, False, True, stop_when=_is_past_meta))
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return None
    return meta, data[file.tell() :]


def _is_past_meta(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag.group != _META


def _inflated(coded: bytes) -> bytes:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        whole = inflate.decompress(coded, MAX_FILE_BYTES)
    except zlib.error:
        raise _damaged("cannot be inflated") from None
    if inflate.unconsumed_tail:
        detail = f"inflates to more than {MAX_FILE_BYTES / 1e6:.0f} MB; export single frames"
        raise ScanError(Reason.TOO_LARGE, detail, Format.DICOM)
    if not inflate.eof:
        raise ScanError(Reason.TRUNCATED, f"its DICOM data ends early; {COPY_AGAIN}", Format.DICOM)
    trailer = inflate.unused_data[:_TRAILER]
    if trailer[4:] == struct.pack("<L", len(whole)):
        (checksum,) = struct.unpack_from("<L", trailer)
        if checksum != zlib.crc32(whole):
            raise _damaged("has a wrong checksum")
    return whole


def _check_end(dataset: Dataset, whole: bytes) -> None:
    """Refuse a data set that goes on after its picture."""
    element = dataset.get_item("PixelData")
    if not isinstance(element, RawDataElement):
        return  # without a picture, which is said elsewhere
    rest = whole[element.value_tell + element.length :]
    if rest and not rest.startswith(_AFTER_PICTURE):
        raise _damaged("goes on after its picture")


def _damaged(words: str) -> ScanError:
    return ScanError(Reason.DAMAGED, f"its deflated data {words}; {COPY_AGAIN}", Format.DICOM)
