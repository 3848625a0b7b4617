from __future__ import annotations

import errno
import hashlib
import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.films import (
    bmp_bytes,
    dicom_bytes,
    draw_deep_film,
    draw_film,
    jpeg_bytes,
    odd_jpeg_bytes,
    png_bytes,
    tiff_bytes,
)
from xrayscan.errors import ScanError
from xrayscan.intake import integrity, read
from xrayscan.intake.options import DecodeOptions
from xrayscan.intake.read import Content, check_settled, decode, read_content, read_radiograph
from xrayscan.records import Radiograph, Reason, Scan, Status

FILM = draw_film(seed=1)
SMALL = draw_film(seed=2, width=120, height=100)


def decoded(data: bytes, name: str = "film") -> Radiograph:
    return decode(Content(data, ""), name)


def refused(data: bytes, name: str = "film") -> ScanError:
    with pytest.raises(ScanError) as caught:
        decoded(data, name)
    return caught.value


# --- reading ------------------------------------------------------------------------------------


def test_content_is_the_bytes_and_their_sha256(tmp_path: Path) -> None:
    (tmp_path / "film.jpg").write_bytes(b"anything")
    content = read_content(str(tmp_path / "film.jpg"))
    assert content == Content(b"anything", hashlib.sha256(b"anything").hexdigest())


def fault_of_reading(path: Path) -> ScanError:
    with pytest.raises(ScanError) as caught:
        read_content(str(path))
    return caught.value


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "film.jpg").touch()
    assert fault_of_reading(tmp_path / "film.jpg").reason is Reason.EMPTY


def test_a_file_that_is_gone_has_vanished(tmp_path: Path) -> None:
    fault = fault_of_reading(tmp_path / "film.jpg")
    assert fault.reason is Reason.GONE
    assert fault.reason.status is Status.VANISHED


def test_a_file_larger_than_the_limit_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "MAX_FILE_BYTES", 999)
    monkeypatch.setattr("builtins.open", lambda *_: pytest.fail("opened"))
    os.truncate(os.open(tmp_path / "film.jpg", os.O_CREAT | os.O_WRONLY), 1000)
    assert fault_of_reading(tmp_path / "film.jpg").reason is Reason.TOO_LARGE


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    assert fault_of_reading(tmp_path).reason is Reason.IO_ERROR


@pytest.mark.parametrize(
    ("number", "reason", "words"),
    [
        (errno.ENOENT, Reason.GONE, "gone when its turn came"),
        (errno.ESTALE, Reason.GONE, "gone when its turn came"),
        (errno.EACCES, Reason.PERMISSION, "grant the running user read access"),
        (errno.EPERM, Reason.PERMISSION, "grant the running user read access"),
        (errno.EIO, Reason.IO_ERROR, "input/output error"),
        (errno.ENOTCONN, Reason.IO_ERROR, "check the drive or share"),
    ],
    ids=lambda value: errno.errorcode.get(value, "") if isinstance(value, int) else "",
)
def test_what_the_system_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: Reason, words: str
) -> None:
    monkeypatch.setattr(read, "RETRY_AFTER_S", (0, 0))
    (tmp_path / "film.jpg").write_bytes(b"anything")

    class Failing(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr("builtins.open", lambda *_: Failing())
    fault = fault_of_reading(tmp_path / "film.jpg")
    assert fault.reason is reason
    assert words in fault.detail


@pytest.mark.parametrize(
    ("number", "faults", "tries"),
    [
        (errno.EIO, 1, 2),
        (errno.ESTALE, 2, 3),
        (errno.ETIMEDOUT, 3, 3),  # away for good
        (errno.EACCES, 1, 1),  # nothing that passes
        (errno.ENOENT, 1, 1),
    ],
    ids=lambda value: errno.errorcode.get(value, "") if value > 3 else "",
)
def test_a_share_that_is_away_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, faults: int, tries: int
) -> None:
    (tmp_path / "film.jpg").write_bytes(b"anything")
    waited: list[float] = []
    opened: list[str] = []

    def flaky(path: str, mode: str) -> io.BytesIO:
        opened.append(path)
        if len(opened) <= faults:
            raise OSError(number, os.strerror(number))
        return io.BytesIO(b"anything")

    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setattr("builtins.open", flaky)
    try:
        content = read.read_content(str(tmp_path / "film.jpg"))
    except ScanError:
        assert tries == faults
    else:
        assert content.data == b"anything"
    assert len(opened) == tries
    assert waited == [0.5, 2.0][: tries - 1]


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_file_without_permission(tmp_path: Path) -> None:
    (tmp_path / "film.jpg").write_bytes(b"anything")
    (tmp_path / "film.jpg").chmod(0)
    assert fault_of_reading(tmp_path / "film.jpg").reason is Reason.PERMISSION


@pytest.mark.parametrize("name", ["pipe.jpg", "pipe"])
def test_a_pipe_is_told_as_such_and_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    fault = fault_of_reading(tmp_path / name)
    assert fault.reason is Reason.NOT_AN_IMAGE
    assert "is no regular file" in fault.detail


def test_a_device_is_told_as_such() -> None:
    assert "is no regular file" in fault_of_reading(Path(os.devnull)).detail


# --- still being written ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "min_age", "settled"),
    [
        pytest.param(0, 0, True, id="new, any age will do"),
        pytest.param(0, 60, False, id="new"),
        pytest.param(120, 60, True, id="old enough"),
        pytest.param(-3600, 0, True, id="of the future, any age will do"),
        pytest.param(-3600, 60, True, id="of the future"),
    ],
)
def test_age(tmp_path: Path, age: float, min_age: float, settled: bool) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(b"1234")
    os.utime(path, (time.time() - age,) * 2)
    scan = Scan.of("film.png", str(path), path.stat())
    if settled:
        check_settled(scan, min_age)
        return
    with pytest.raises(ScanError, match="changed less than 60 s ago") as caught:
        check_settled(scan, min_age)
    assert caught.value.reason is Reason.GROWING


def test_a_file_that_changed_since_it_was_listed(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(b"1234")
    scan = Scan.of("film.png", str(path), path.stat())
    check_settled(scan, 0)
    path.write_bytes(b"12345")
    with pytest.raises(ScanError) as caught:
        check_settled(scan, 0)
    assert caught.value.reason is Reason.GROWING


# --- decoding -----------------------------------------------------------------------------------


KINDS = {
    "JPEG": jpeg_bytes(SMALL),
    "PNG": png_bytes(SMALL),
    "TIFF": tiff_bytes(SMALL),
    "BMP": bmp_bytes(SMALL),
    "DICOM (Explicit VR Little Endian)": dicom_bytes(SMALL),
}


@pytest.mark.parametrize("format", KINDS)
@pytest.mark.parametrize("name", ["film.jpg", "film.PNG", "film.tif", "film.bmp", "film.dcm"])
def test_content_counts_whatever_the_name(format: str, name: str) -> None:
    radiograph = decoded(KINDS[format], name)
    assert radiograph.format == format
    assert (radiograph.width, radiograph.height) == (120, 100)
    plain = format.partition(" ")[0]
    same = {"jpg": "JPEG", "PNG": "PNG", "tif": "TIFF", "bmp": "BMP", "dcm": "DICOM"}[name[5:]]
    extension = name[4:].lower()
    said = () if same == plain else (f"named {extension}, but is {plain}",)
    assert radiograph.notes == said


@pytest.mark.parametrize("name", ["film", "1.2.840.10008", "film.bak", "a.jpg/film"])
def test_names_that_claim_no_format_are_not_contradicted(name: str) -> None:
    assert decoded(KINDS["PNG"], name).notes == ()


def test_read_radiograph_reads_and_decodes(tmp_path: Path) -> None:
    path = tmp_path / "film.jpg"
    path.write_bytes(jpeg_bytes(FILM))
    assert read_radiograph(str(path)).pixels.shape == FILM.shape


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"name,age\nA,3\n", "is text; give it as JPEG, PNG, TIFF, BMP or DICOM"),
        (b"%PDF-1.7\n%\xe2\xe3", "is a PDF document; give it as"),
        (b"\0" * 5000, "starts with nothing but zero bytes; copy it again"),
        (b"\x01\x02\x03\x04", "is no format that xrayscan knows; give it as"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, words: str) -> None:
    fault = refused(data)
    assert fault.reason is Reason.NOT_AN_IMAGE
    assert words in fault.detail
    assert fault.format == ""


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        pytest.param(np.full((100, 100), 90, np.uint8), Reason.BLANK, id="blank"),
        pytest.param(draw_film(seed=1, width=60, height=90), Reason.TOO_SMALL, id="small"),
        pytest.param(draw_film(seed=1, width=800, height=100), Reason.ASPECT_RATIO, id="strip"),
    ],
)
def test_whole_pictures_that_are_no_films_are_not_assessed(
    film: np.ndarray, reason: Reason
) -> None:
    fault = refused(png_bytes(film))
    assert fault.reason is reason
    assert fault.reason.status is Status.NOT_ASSESSED
    assert fault.format == "PNG"
    assert fault.size == film.shape[::-1]


def test_a_blank_dicom_film_is_not_assessed() -> None:
    assert refused(dicom_bytes(np.full((200, 200), 700, np.uint16))).reason is Reason.BLANK


WHOLE = {
    **KINDS,
    "16-bit PNG": png_bytes(draw_deep_film(seed=2, width=120, height=100)),
    "odd JPEG": odd_jpeg_bytes(SMALL),
    "16-bit DICOM": dicom_bytes(draw_deep_film(seed=2, width=120, height=100), bits_stored=12),
}


def outcome(data: bytes) -> Radiograph | ScanError:
    try:
        return decoded(data)
    except ScanError as fault:
        return fault


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=150)
@given(data=st.data())
def test_damage_ends_as_a_row_or_a_film_and_never_as_a_crash(
    kind: str, data: st.DataObject
) -> None:
    damaged = bytearray(WHOLE[kind])
    header = data.draw(st.booleans())
    start = data.draw(st.integers(0, min(700, len(damaged)) if header else len(damaged)))
    damage = data.draw(st.binary(min_size=1, max_size=12))
    damaged[start : start + len(damage)] = damage
    end = outcome(bytes(damaged))
    if isinstance(end, Radiograph):
        assert end.pixels.ndim == 2
        assert int(end.pixels.max()) <= end.peak
    else:
        assert "; " in end.detail, "the fault; the next step"
        assert "\n" not in end.detail


@settings(max_examples=200)
@given(st.binary(max_size=600))
@example(b"\xff\xd8\xff")
@example(b"BM" + bytes(100))
@example(b"II*\0\x08\0\0\0")
@example(bytes(128) + b"DICM")
@example(b"\x08\0\x05\0CS\x0a\0ISO_IR 100")
@example(b"\x89PNG\r\n\x1a\n" + bytes(40))
@pytest.mark.filterwarnings("ignore")
def test_bytes_of_any_kind_end_as_a_row(data: bytes) -> None:
    assert refused(data).reason.status is not Status.SCORED


@pytest.mark.parametrize("kind", KINDS)
def test_an_unforeseen_fault_of_a_decoder_becomes_a_row(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode_anything(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("xrayscan.intake.read.decode_raster", decode_anything)
    monkeypatch.setattr("xrayscan.intake.dicom.decode_dicom", decode_anything)
    fault = refused(KINDS[kind])
    assert fault.reason is Reason.DAMAGED
    assert "ZeroDivisionError" in fault.detail
    assert fault.format == kind.partition(" ")[0]


class OpenCVMemoryError(Exception):
    code = -4


@pytest.mark.parametrize("fault", [MemoryError, OpenCVMemoryError])
@pytest.mark.parametrize("kind", KINDS)
def test_too_little_memory_is_no_fault_of_the_film(
    kind: str, fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode_anything(*_: object) -> None:
        raise fault

    monkeypatch.setattr("xrayscan.intake.read.decode_raster", decode_anything)
    monkeypatch.setattr("xrayscan.intake.dicom.decode_dicom", decode_anything)
    with pytest.raises(MemoryError):
        decoded(KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_the_largest_picture_is_for_the_user_to_say(kind: str) -> None:
    content = Content(KINDS[kind], "")
    film = decode(content, "film")
    size = film.width * film.height
    assert decode(content, "film", DecodeOptions(max_pixels=size)).width == film.width
    with pytest.raises(ScanError, match="megapixels") as caught:
        decode(content, "film", DecodeOptions(max_pixels=size - 1))
    assert caught.value.reason is Reason.TOO_LARGE


# --- real files ---------------------------------------------------------------------------------


def test_real_films_are_whole(shared_data: Path) -> None:
    films = sorted((shared_data / "fullsize").rglob("*.jpeg"))[::12]
    films += sorted((shared_data / "nih" / "strong").rglob("*.*g"))[::60]
    assert len(films) >= 4
    for film in films:
        assert min(read_radiograph(str(film)).pixels.shape) >= 224


def test_real_films_cut_short_are_refused(shared_data: Path) -> None:
    film = min((shared_data / "fullsize").rglob("*.jpeg"), key=lambda path: path.stat().st_size)
    whole = film.read_bytes()
    for share in (0.01, 0.1, 0.5, 0.9, 0.999):
        assert refused(whole[: int(len(whole) * share)]).reason is Reason.TRUNCATED
