from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from tests.films import dicom_bytes, draw_deep_film, draw_film, jpeg_bytes, lut
from xrayscan.errors import ScanError
from xrayscan.intake.dicom import decode_dicom, window
from xrayscan.intake.options import USUAL
from xrayscan.intake.read import Content, decode, read_radiograph
from xrayscan.records import Radiograph, Reason, Status

# what decoders warn of is in the row's reason; the command line keeps them silent
pytestmark = pytest.mark.filterwarnings("ignore")

FILM = draw_film(seed=1)
DEEP = draw_deep_film(seed=1)  # 12 bits
PEAK = 65_535


def refused(data: bytes) -> ScanError:
    with pytest.raises(ScanError) as caught:
        decode_dicom(data, USUAL)
    assert caught.value.format == "DICOM"
    return caught.value


def pixels(data: bytes) -> NDArray[np.int64]:
    """Decode to display grey, as numbers that can be subtracted."""
    radiograph = decode_dicom(data, USUAL)
    assert radiograph.peak == PEAK
    assert radiograph.pixels.dtype == np.uint16
    return radiograph.pixels.astype(np.int64)


def scaled(film: NDArray[np.generic], white: float) -> NDArray[np.int64]:
    return np.rint(np.clip(film.astype(float) / white, 0, 1) * PEAK).astype(np.int64)


WINDOW_ALL = {"WindowCenter": 2048, "WindowWidth": 4096}  # of 12 bits, so that 4095 is white
DISPLAYED = scaled(DEEP, 4095)


# --- encodings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        (ImplicitVRLittleEndian, "Implicit VR Little Endian"),
        (ExplicitVRLittleEndian, "Explicit VR Little Endian"),
        (ExplicitVRBigEndian, "Explicit VR Big Endian"),
        (DeflatedExplicitVRLittleEndian, "Deflated Explicit VR Little Endian"),
        (RLELossless, "RLE Lossless"),
    ],
)
def test_the_film_is_the_same_in_every_transfer_syntax(syntax: UID, name: str) -> None:
    data = dicom_bytes(DEEP, bits_stored=12, syntax=syntax, **WINDOW_ALL)
    assert np.array_equal(pixels(data), DISPLAYED)
    assert decode_dicom(data, USUAL).format == f"DICOM ({name})"
    assert np.array_equal(pixels(dicom_bytes(FILM, syntax=syntax)), scaled(FILM, 255))


def test_jpeg_inside() -> None:
    data = dicom_bytes(FILM, syntax=JPEGBaseline8Bit, frame=jpeg_bytes(FILM))
    assert np.abs(pixels(data) - scaled(FILM, 255)).mean() < 3 * 257


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian],
    ids=["implicit", "explicit", "big endian"],
)
def test_without_preamble_and_meta_header(syntax: UID) -> None:
    data = dicom_bytes(DEEP, bits_stored=12, syntax=syntax, preamble=False, **WINDOW_ALL)
    assert np.array_equal(pixels(data), DISPLAYED)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 15, 16])
def test_every_level_is_kept(bits: int) -> None:
    deep = draw_deep_film(seed=1, bits=bits)
    half = 2 ** (bits - 1)
    data = dicom_bytes(deep, bits_stored=bits, WindowCenter=half, WindowWidth=2 * half)
    assert np.array_equal(pixels(data), scaled(deep, 2**bits - 1))


# --- what the values mean -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("film", "bits", "options"),
    [
        pytest.param(FILM, 8, {}, id="8 bits as they are"),
        pytest.param(DEEP, 12, {}, id="12 bits without a window"),
        pytest.param(DEEP, 12, WINDOW_ALL, id="12 bits with a window"),
    ],
)
def test_monochrome1_with_inverted_values_is_the_same_film(
    film: NDArray[np.uint16], bits: int, options: dict[str, float]
) -> None:
    twin = (2**bits - 1 - film).astype(film.dtype)
    one = pixels(dicom_bytes(film, bits_stored=bits, **options))
    other = pixels(dicom_bytes(twin, bits_stored=bits, photometric="MONOCHROME1", **options))
    assert np.abs(one - other).max() <= 1
    assert np.corrcoef(other.ravel(), film.ravel())[0, 1] > 0.99, "white is bone in both"


def test_a_narrow_window_of_a_monochrome1_twin() -> None:
    """An inverted value x is 4095 - x, so that c - 0.5 becomes 4095 - (c - 0.5)."""
    one = pixels(dicom_bytes(DEEP, bits_stored=12, WindowCenter=1500, WindowWidth=900))
    twin = dicom_bytes(
        4095 - DEEP,
        bits_stored=12,
        photometric="MONOCHROME1",
        WindowCenter=4096 - 1500,
        WindowWidth=900,
    )
    assert np.abs(one - pixels(twin)).max() <= 1


def test_signed_values() -> None:
    signed = DEEP.astype(np.int16) - 2048
    data = dicom_bytes(signed, WindowCenter=0, WindowWidth=4096)
    assert np.array_equal(pixels(data), DISPLAYED)


def test_signed_values_without_a_window() -> None:
    signed = DEEP.astype(np.int16) - 2048
    assert np.array_equal(pixels(dicom_bytes(signed)), pixels(dicom_bytes(DEEP, bits_stored=12)))


@pytest.mark.parametrize("bits", [8, 16])
def test_signed_8_bits_without_a_window_are_not_cut_at_zero(bits: int) -> None:
    signed = FILM.astype(np.int16) - 128
    shown = pixels(dicom_bytes(signed, bits_stored=bits))
    assert np.corrcoef(shown.ravel(), FILM.ravel())[0, 1] > 0.99


@pytest.mark.parametrize(
    ("slope", "intercept"), [(1, 0), (2, -1000), (0.5, 300), (-1, 4095)], ids=str
)
def test_the_window_is_in_rescaled_units(slope: float, intercept: float) -> None:
    rescaled = DEEP.astype(float) * slope + intercept
    centre, width = 1700.0, 2000.0
    data = dicom_bytes(
        DEEP,
        bits_stored=12,
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        WindowCenter=centre,
        WindowWidth=width,
    )
    assert np.array_equal(pixels(data), scaled(window(rescaled, centre, width), 1))


@pytest.mark.parametrize("value", [None, ""], ids=["None", "empty"])
def test_empty_rescale_elements_say_nothing(value: str | None) -> None:
    data = dicom_bytes(
        DEEP, bits_stored=12, RescaleSlope=value, RescaleIntercept=value, **WINDOW_ALL
    )
    assert np.array_equal(pixels(data), DISPLAYED)


def test_8_bits_that_are_rescaled_beyond_8_bits_are_not_cut() -> None:
    shown = pixels(dicom_bytes(FILM, RescaleSlope=16, RescaleIntercept=0))
    assert np.corrcoef(shown.ravel(), FILM.ravel())[0, 1] > 0.99


def test_the_modality_lut_comes_before_the_window() -> None:
    table = lut(0, [4095 - value for value in range(4096)])
    data = dicom_bytes(DEEP, bits_stored=12, ModalityLUTSequence=Sequence([table]), **WINDOW_ALL)
    assert np.array_equal(pixels(data), PEAK - DISPLAYED)


# --- windows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "centre", "width", "shown"),
    [
        # c = 2048, w = 4096: black at 0 and below, white above 4095, by PS3.3 C.11.2.1.2.1
        (-5, 2048, 4096, 0),
        (0, 2048, 4096, 0),
        (1, 2048, 4096, 1 / 4095),
        (2048, 2048, 4096, 2048 / 4095),
        (4095, 2048, 4096, 1),
        (5000, 2048, 4096, 1),
        # c = 2048, w = 1: black at 2047, white at 2048
        (2047, 2048, 1, 0),
        (2048, 2048, 1, 1),
        # c = 0, w = 100: -50 is black, 49 is white
        (-50, 0, 100, 0),
        (-49, 0, 100, 1 / 99),
        (0, 0, 100, 50 / 99),
        (49, 0, 100, 1),
        # c = 0, w = 1: black at -1, white at 0
        (-1, 0, 1, 0),
        (-0.5, 0, 1, 0),
        (0, 0, 1, 1),
        # fractions
        (10.25, 10.5, 1.5, 1),
        (10.0, 10.5, 1.5, 0.5),
        (9.9, 10.5, 1.5, 0.3),
    ],
)
def test_linear_window_by_hand(value: float, centre: float, width: float, shown: float) -> None:
    assert window(np.array([value], float), centre, width)[0] == pytest.approx(shown, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "centre", "width", "shown"),
    [
        # C.11.2.1.3.2: black at c - w/2, white at c + w/2
        (0, 2048, 4096, 0),
        (1024, 2048, 4096, 0.25),
        (2048, 2048, 4096, 0.5),
        (4096, 2048, 4096, 1),
        (9999, 2048, 4096, 1),
        (0.1, 0.25, 0.5, 0.2),
    ],
)
def test_exact_window_by_hand(value: float, centre: float, width: float, shown: float) -> None:
    result = window(np.array([value], float), centre, width, "LINEAR_EXACT")
    assert result[0] == pytest.approx(shown, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        # C.11.2.1.3.1, c = 2048, w = 4096: 1 / (1 + exp(-4 (x - c) / w))
        (2048, 0.5),
        (2048 + 1024, 0.7310585786),
        (2048 - 1024, 0.2689414214),
        (2048 + 4096, 0.9820137900),
        (-1e9, 0),
        (1e9, 1),
    ],
)
def test_sigmoid_window_by_hand(value: float, shown: float) -> None:
    result = window(np.array([value], float), 2048, 4096, "SIGMOID")
    assert result[0] == pytest.approx(shown, abs=1e-9)


@settings(max_examples=100)
@given(
    st.lists(st.floats(-1e5, 1e5), min_size=2, max_size=20),
    st.floats(-1e4, 1e4),
    st.floats(1, 1e5),
    st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_no_window_turns_dark_into_light(
    values: list[float], centre: float, width: float, function: str
) -> None:
    shown = window(np.sort(np.array(values)), centre, width, function)
    assert (np.diff(shown) >= 0).all()
    assert shown.min() >= 0
    assert shown.max() <= 1


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_file_names_the_function(function: str) -> None:
    data = dicom_bytes(
        DEEP, bits_stored=12, WindowCenter=1700, WindowWidth=1100, VOILUTFunction=function
    )
    expected = scaled(window(DEEP.astype(float), 1700, 1100, function), 1)
    assert np.array_equal(pixels(data), expected)


@pytest.mark.parametrize("function", [None, "", "UNHEARD_OF"])
def test_no_function_means_linear(function: str | None) -> None:
    data = dicom_bytes(DEEP, bits_stored=12, VOILUTFunction=function, **WINDOW_ALL)
    assert np.array_equal(pixels(data), DISPLAYED)


def test_a_window_narrower_than_1_is_for_the_other_functions() -> None:
    film = dicom_bytes(
        DEEP,
        bits_stored=12,
        RescaleSlope=1 / 4096,
        RescaleIntercept=0,
        WindowCenter=0.5,
        WindowWidth=0.5,
        VOILUTFunction="LINEAR_EXACT",
    )
    expected = scaled(window(DEEP / 4096, 0.5, 0.5, "LINEAR_EXACT"), 1)
    assert np.abs(pixels(film) - expected).max() <= 1


def group(keyword: str, **elements: float) -> Dataset:
    """Put elements into a functional group of a multi-frame file."""
    said, groups = Dataset(), Dataset()
    for name, value in elements.items():
        setattr(said, name, value)
    setattr(groups, keyword, Sequence([said]))
    return groups


def test_functional_groups_say_what_the_values_of_the_first_frame_mean() -> None:
    rescale = group("PixelValueTransformationSequence", RescaleSlope=2, RescaleIntercept=-1000)
    of_all = group("FrameVOILUTSequence", WindowCenter=7, WindowWidth=9)
    of_one = group("FrameVOILUTSequence", WindowCenter=1700, WindowWidth=2000)
    shared = Dataset()
    shared.update(rescale)
    shared.update(of_all)
    usual = {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowWidth": 2000}
    expected = pixels(dicom_bytes(DEEP, bits_stored=12, WindowCenter=1700, **usual))
    data = dicom_bytes(
        np.stack([DEEP, DEEP]),
        bits_stored=12,
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence([of_one, of_all]),
    )
    assert np.array_equal(pixels(data), expected)


def test_empty_functional_groups_say_nothing() -> None:
    empty = {
        f"{frames}FunctionalGroupsSequence": Sequence(items)
        for frames, items in {"Shared": [], "PerFrame": [Dataset()]}.items()
    }
    data = dicom_bytes(DEEP, bits_stored=12, **empty, **WINDOW_ALL)
    assert np.array_equal(pixels(data), DISPLAYED)


STEEP = [0] * 4095 + [4095]
HIDDEN = "its header's window hides the film, and was left out"


@pytest.mark.parametrize(
    "elements",
    [
        pytest.param({"WindowCenter": -1500, "WindowWidth": 1000}, id="all white"),
        pytest.param({"WindowCenter": 20_000, "WindowWidth": 8000}, id="all black"),
        pytest.param({"WindowCenter": 3900, "WindowWidth": 300}, id="nearly all black"),
        pytest.param({"WindowCenter": 40, "WindowWidth": 80}, id="nearly all white"),
        pytest.param({"WindowCenter": 1800, "WindowWidth": 2}, id="a step"),
        pytest.param({"WindowCenter": 32_768, "WindowWidth": 65_536}, id="of 16 bits"),
        pytest.param({"VOILUTSequence": Sequence([lut(0, STEEP, bits=12)])}, id="a table"),
    ],
)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_window_that_hides_the_film_is_left_out(
    elements: dict[str, object], photometric: str
) -> None:
    """Nearly black or white, such a film was scored as it was shown."""
    film = {"bits_stored": 12, "photometric": photometric}
    shown = decode_dicom(dicom_bytes(DEEP, **film, **elements), USUAL)
    without = decode_dicom(dicom_bytes(DEEP, **film), USUAL)
    assert np.array_equal(shown.pixels, without.pixels)
    assert (shown.notes, without.notes) == ((HIDDEN,), ())


@pytest.mark.parametrize(
    ("film", "elements"),
    [
        pytest.param(DEEP, {"WindowCenter": 900, "WindowWidth": 700}, id="narrow"),
        pytest.param(DEEP, {"WindowCenter": 8192, "WindowWidth": 16_384}, id="dark"),
        pytest.param(
            np.where(np.indices(DEEP.shape).min(axis=0) < 140, 0, DEEP), WINDOW_ALL, id="shutters"
        ),
        pytest.param(DEEP // 80, {"WindowCenter": 2048, "WindowWidth": 2048}, id="nothing exposed"),
    ],
)
def test_a_window_that_shows_little_counts(
    film: NDArray[np.uint16], elements: dict[str, float]
) -> None:
    film = film.astype(np.uint16)
    radiograph = decode_dicom(dicom_bytes(film, bits_stored=12, **elements), USUAL)
    centre, width = elements["WindowCenter"], elements["WindowWidth"]
    assert np.array_equal(radiograph.pixels, scaled(window(film.astype(float), centre, width), 1))
    assert radiograph.notes == ()


def test_the_first_of_several_windows_counts() -> None:
    several = dicom_bytes(
        DEEP, bits_stored=12, WindowCenter=[2048, 500, 40], WindowWidth=[4096, 10, 20]
    )
    assert np.array_equal(pixels(several), DISPLAYED)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="none"),
        pytest.param({"WindowCenter": 2048}, id="no width"),
        pytest.param({"WindowCenter": None, "WindowWidth": None}, id="empty"),
        pytest.param({"WindowCenter": 2048, "WindowWidth": 0}, id="width 0"),
        pytest.param(
            {"WindowCenter": 2, "WindowWidth": -3, "VOILUTFunction": "SIGMOID"}, id="negative"
        ),
    ],
)
def test_without_a_window_percentiles_set_the_contrast(options: dict[str, object]) -> None:
    film = DEEP // 4 + 500
    film[0, :10] = 4095  # a burnt-in marker
    shown = pixels(dicom_bytes(film, bits_stored=12, **options))
    low, high = np.percentile(film, (0.5, 99.5))
    assert high < 4095
    expected = np.clip((film - low) / (high - low), 0, 1) * PEAK
    assert np.abs(shown - expected).max() < 2


PADDED = np.pad(DEEP // 4 + 500, ((0, 0), (200, 200)))  # more padding than film


@pytest.mark.parametrize(
    ("padding", "declared"),
    [
        pytest.param(0, {"PixelPaddingValue": 0}, id="black"),
        pytest.param(4095, {"PixelPaddingValue": 4095}, id="white"),
        pytest.param(7, {"PixelPaddingValue": 10, "PixelPaddingRangeLimit": 3}, id="range"),
    ],
)
def test_padding_does_not_set_the_contrast(padding: int, declared: dict[str, int]) -> None:
    film = PADDED.copy()
    film[:, :200] = film[:, -200:] = padding
    shown = pixels(dicom_bytes(film, bits_stored=12, **declared))[:, 200:-200]
    assert np.array_equal(shown, pixels(dicom_bytes(film[:, 200:-200].copy(), bits_stored=12)))


def test_padding_of_signed_films_may_be_given_as_unsigned() -> None:
    film = PADDED.astype(np.int16)
    film[:, :200] = film[:, -200:] = -2000
    declared = dicom_bytes(film, PixelPaddingValue=-2000)
    as_unsigned = declared.replace(b"\x28\0\x20\x01SS", b"\x28\0\x20\x01US")
    assert as_unsigned != declared
    shown = pixels(as_unsigned)[:, 200:-200]
    assert np.array_equal(shown, pixels(dicom_bytes(film[:, 200:-200].copy())))


def test_a_film_that_is_padding_alone_by_its_header_is_shown() -> None:
    declared = {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4095}
    shown = pixels(dicom_bytes(DEEP, bits_stored=12, **declared))
    assert np.array_equal(shown, pixels(dicom_bytes(DEEP, bits_stored=12)))


def test_8_bits_without_a_window_stay_as_they_are() -> None:
    dark = FILM // 3
    assert np.array_equal(pixels(dicom_bytes(dark)), scaled(dark, 255))


def test_the_voi_lut_comes_before_the_window() -> None:
    bits = 10
    table = lut(1000, [min(1023, value // 2) for value in range(2048)], bits=bits)
    data = dicom_bytes(DEEP, bits_stored=12, VOILUTSequence=Sequence([table]), **WINDOW_ALL)
    below, above = DEEP < 1000, DEEP >= 3048
    expected = np.clip((DEEP.astype(int) - 1000) // 2, 0, 1023)
    assert np.array_equal(pixels(data), scaled(expected, 1023))
    assert not pixels(data)[below].any()
    assert (pixels(data)[above] == PEAK).all()


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_a_voi_lut_shows_the_film_at_any_depth(bits: int) -> None:
    white = 2**bits - 1
    table = lut(0, [value * white // 4095 for value in range(4096)], bits=bits)
    shown = pixels(dicom_bytes(DEEP, bits_stored=12, VOILUTSequence=Sequence([table])))
    assert np.abs(shown - DISPLAYED).max() <= PEAK / white + 1


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_modality_lut_may_have_any_depth(bits: int) -> None:
    white = 2**bits - 1
    table = lut(0, [value * white // 4095 for value in range(4096)], bits=bits)
    window_all = {"WindowCenter": (white + 1) // 2, "WindowWidth": white + 1}
    data = dicom_bytes(DEEP, bits_stored=12, ModalityLUTSequence=Sequence([table]), **window_all)
    assert np.abs(pixels(data) - DISPLAYED).max() <= PEAK / white + 1


def without_entries() -> Dataset:
    table = lut(0, [0, 1, 2])
    table.LUTData = None
    return table


@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize(
    "items", [[], [Dataset()], [without_entries()]], ids=["no item", "empty item", "no entries"]
)
def test_an_empty_table_says_nothing(keyword: str, items: list[Dataset]) -> None:
    data = dicom_bytes(DEEP, bits_stored=12, **{keyword: Sequence(items)}, **WINDOW_ALL)
    assert np.array_equal(pixels(data), DISPLAYED)


# --- colour and frames --------------------------------------------------------------------------


def test_a_secondary_capture_in_colour() -> None:
    assert np.array_equal(
        pixels(dicom_bytes(np.dstack([FILM] * 3), photometric="RGB")), scaled(FILM, 255)
    )


@pytest.mark.parametrize("declared", ["RGB", "YBR_FULL_422", "MONOCHROME2"])
@pytest.mark.parametrize("mode", ["RGB", "YCbCr"])
def test_the_jpeg_inside_knows_its_colours_better_than_the_header(declared: str, mode: str) -> None:
    colour = np.dstack([FILM, FILM // 2, 255 - FILM])
    luma = np.array(Image.fromarray(colour).convert("L"))
    buffer = io.BytesIO()
    Image.fromarray(colour).save(buffer, "JPEG", keep_rgb=mode == "RGB", quality=95)
    data = dicom_bytes(
        colour,
        photometric="RGB",
        syntax=JPEGBaseline8Bit,
        frame=buffer.getvalue(),
        PhotometricInterpretation=declared,
        WindowCenter=10,  # not for colours
        WindowWidth=20,
    )
    assert np.abs(pixels(data) - scaled(luma, 255)).mean() < 3 * 257


def test_a_palette() -> None:
    order = np.random.default_rng(0).permutation(256)
    entries = (np.argsort(order) * 257).astype("<u2").tobytes()
    colours = {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [256, 0, 16]), ("Data", entries))
    }
    data = dicom_bytes(order[FILM].astype(np.uint8), photometric="PALETTE COLOR", **colours)
    assert np.array_equal(pixels(data), scaled(FILM, 255))


@pytest.mark.parametrize(
    ("kind", "bits", "white"),
    [("u1", 8, 255), ("<u2", 8, 255), ("<u2", 16, 255), ("<u2", 8, 65_535), ("<u2", 16, 65_535)],
)
def test_a_palette_of_any_depth_however_it_is_stated(kind: str, bits: int, white: int) -> None:
    entries = (np.arange(4096) * white // 4095).astype(kind).tobytes()
    colours = {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [4096, 0, bits]), ("Data", entries))
    }
    data = dicom_bytes(DEEP, bits_stored=12, photometric="PALETTE COLOR", **colours)
    assert np.abs(pixels(data) - DISPLAYED).max() <= PEAK / white + 1


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless], ids=["plain", "RLE"])
def test_the_first_of_several_frames_is_taken(syntax: UID) -> None:
    radiograph = decode_dicom(dicom_bytes(np.stack([FILM, 255 - FILM, FILM]), syntax=syntax), USUAL)
    assert radiograph.notes == ("first of 3 frames",)
    assert np.array_equal(radiograph.pixels, scaled(FILM, 255))


def test_one_frame_is_no_note() -> None:
    assert decode_dicom(dicom_bytes(FILM, NumberOfFrames=1), USUAL).notes == ()


# --- refused ------------------------------------------------------------------------------------


def without(data: bytes, keyword: str) -> bytes:
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))
    del dataset[keyword]
    buffer = pydicom.filebase.DicomBytesIO()
    pydicom.dcmwrite(buffer, dataset)
    return bytes(buffer.getvalue())


def test_a_document_without_a_picture_is_unsupported() -> None:
    data = without(dicom_bytes(FILM, SOPClassUID=BasicTextSRStorage), "PixelData")
    fault = refused(data)
    assert fault.reason is Reason.UNSUPPORTED
    assert "without a picture (Basic Text SR Storage)" in fault.detail


@pytest.mark.filterwarnings("ignore")
def test_a_name_in_place_of_a_kind_is_not_repeated() -> None:
    fault = refused(without(dicom_bytes(FILM, SOPClassUID="DOE^JOHN"), "PixelData"))
    assert "without a picture (of an unknown kind)" in fault.detail


def test_a_film_without_its_picture_is_truncated() -> None:
    assert refused(without(dicom_bytes(FILM), "PixelData")).reason is Reason.TRUNCATED


@pytest.mark.parametrize("photometric", ["", "monochrome1", "MONO1", "DOE^JOHN"])
@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, RLELossless], ids=["JPEG", "RLE"])
def test_a_film_that_does_not_say_what_black_is(photometric: str, syntax: UID) -> None:
    frame = jpeg_bytes(FILM) if syntax == JPEGBaseline8Bit else None
    whole = dicom_bytes(FILM, syntax=syntax, frame=frame)
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(whole))
    dataset.PhotometricInterpretation = photometric
    buffer = pydicom.filebase.DicomBytesIO()
    pydicom.dcmwrite(buffer, dataset)
    fault = refused(bytes(buffer.getvalue()))
    assert fault.reason is Reason.DAMAGED
    assert "DOE" not in fault.detail


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_floating_point_pixels_are_unsupported(keyword: str) -> None:
    values = FILM.astype("f8" if keyword.startswith("Double") else "f4").tobytes()
    fault = refused(without(dicom_bytes(FILM, **{keyword: values}), "PixelData"))
    assert fault.reason is Reason.UNSUPPORTED
    assert fault.detail.startswith("its pixels are floating point")


@pytest.mark.parametrize("keyword", ["Rows", "Columns"])
def test_a_film_without_its_size_is_damaged(keyword: str) -> None:
    assert refused(without(dicom_bytes(FILM), keyword)).reason is Reason.DAMAGED


def test_a_header_that_claims_too_much_is_refused_before_decoding() -> None:
    data = dicom_bytes(FILM, Rows=65_000, Columns=65_000)
    assert refused(data).reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("syntax", "named"),
    [
        ("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile / Main Level"),
        ("1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.110"),  # JPEG XL
        ("1.2.840.113619.5.2", "1.2.840.113619.5.2"),  # of a maker's own
    ],
)
def test_a_transfer_syntax_that_nobody_reads_is_unsupported(syntax: str, named: str) -> None:
    fault = refused(with_syntax(syntax))
    assert fault.reason is Reason.UNSUPPORTED
    assert fault.detail.startswith(f"its transfer syntax ({named}")
    assert fault.detail.endswith(") cannot be read; export it uncompressed")


def test_a_name_in_place_of_a_transfer_syntax_is_damage_and_not_repeated() -> None:
    fault = refused(with_syntax("DOE^JOHN"))
    assert fault.reason is Reason.DAMAGED
    assert fault.detail.startswith("its transfer syntax (of an unknown kind) cannot be read; copy")


def with_syntax(syntax: str) -> bytes:
    """Name another transfer syntax in a header: pydicom writes none that it does not know."""
    usual = HTJ2KLossless.encode() + b"\0"
    whole = dicom_bytes(FILM, syntax=HTJ2KLossless, frame=b"\0" * 100)
    return whole.replace(usual, syntax.encode().ljust(len(usual), b"\0"))


CUT = {
    "explicit": dicom_bytes(FILM),
    "implicit": dicom_bytes(FILM, syntax=ImplicitVRLittleEndian),
    "big endian": dicom_bytes(FILM, syntax=ExplicitVRBigEndian),
    "deflated": dicom_bytes(DEEP, syntax=DeflatedExplicitVRLittleEndian),
    "RLE": dicom_bytes(DEEP, syntax=RLELossless),
    "JPEG": dicom_bytes(FILM, syntax=JPEGBaseline8Bit, frame=jpeg_bytes(FILM)),
    "no preamble": dicom_bytes(FILM, preamble=False),
}


@pytest.mark.parametrize("kind", CUT)
@settings(max_examples=60)
@given(data=st.data())
def test_cut_anywhere_it_is_refused(kind: str, data: st.DataObject) -> None:
    whole = CUT[kind]
    # the last 8 bytes of a compressed film are a delimiter after the whole picture
    length = data.draw(st.integers(1, len(whole) - 9))
    with pytest.raises(ScanError) as caught:
        decode(Content(whole[:length], ""), "film.dcm")
    assert caught.value.reason.status is Status.UNREADABLE


@pytest.mark.parametrize("kind", CUT)
def test_what_is_cut_is_whole_before(kind: str) -> None:
    decode_dicom(CUT[kind], USUAL)


@pytest.mark.parametrize("kind", ["explicit", "implicit", "big endian", "RLE", "JPEG"])
def test_a_film_cut_in_its_picture_is_truncated(kind: str) -> None:
    for share in (0.2, 0.5, 0.9):
        whole = CUT[kind]
        assert refused(whole[: int(len(whole) * share)]).reason is Reason.TRUNCATED


# --- real films ---------------------------------------------------------------------------------


REFERENCE = [f"RG{film}_{kind}" for film in (1, 3) for kind in ("UNCR", "UNCI", "J2KR", "J2KI")]


@pytest.fixture(scope="module")
def references() -> dict[str, Radiograph]:
    paths = {name: pydicom.data.get_testdata_file(f"{name}.dcm") for name in REFERENCE}
    return {name: read_radiograph(str(path)) for name, path in paths.items() if path}


@pytest.mark.parametrize("name", REFERENCE)
def test_reference_films(references: dict[str, Radiograph], name: str) -> None:
    if name not in references:
        pytest.skip("needs pydicom-data")
    radiograph = references[name]
    plain = references[f"{name[:3]}_UNCR"]
    assert (radiograph.height, radiograph.width) == (
        (1955, 1841) if name.startswith("RG1") else (1760, 1760)
    )
    difference = np.abs(radiograph.pixels.astype(int) - plain.pixels)
    if name.endswith("R"):  # reversibly compressed
        assert not difference.any()
    assert difference.mean() < 0.005 * PEAK


def test_the_reference_chest_is_bright_where_bone_is(references: dict[str, Radiograph]) -> None:
    """RG1 is a frontal chest film in MONOCHROME1: spine and diaphragm white, air black."""
    if "RG1_UNCR" not in references:
        pytest.skip("needs pydicom-data")
    chest = references["RG1_UNCR"].pixels
    height, width = chest.shape
    spine = chest[height // 4 : height // 2, int(width * 0.46) : int(width * 0.54)].mean()
    lungs = [
        chest[height // 4 : height // 2, int(width * left) : int(width * (left + 0.1))].mean()
        for left in (0.22, 0.68)
    ]
    assert spine > max(lungs) + 0.1 * PEAK


REAL = {
    "chest/gdcm-CR-MONO1-10-chest.dcm": (440, 440),
    "chest/rsna_1.2.276.0.7230010.3.1.4.8323329.6904.dcm": (1024, 1024),
    "chest/rsna_fake_MONOCHROME1.dcm": (1024, 1024),
    "chest/udacity_test1.dcm": (1024, 1024),
    "chest/udacity_test2.dcm": (1024, 1024),
    "chest-transcoded/MONO1chest_DEFL.dcm": (440, 440),
    "chest-transcoded/MONO1chest_EVRBE.dcm": (440, 440),
    "chest-transcoded/MONO1chest_J2KR.dcm": (440, 440),
    "chest-transcoded/MONO1chest_RLE.dcm": (440, 440),
    "other-body-part/RG2_JPLL.dcm": (2140, 1760),
    "other-body-part/RG3_JLSL.dcm": (1760, 1760),
}


@pytest.mark.parametrize("name", REAL)
def test_real_films(shared_data: Path, name: str) -> None:
    radiograph = read_radiograph(str(shared_data / "dicom" / name))
    assert radiograph.pixels.shape == REAL[name]
    assert radiograph.notes == ()
    assert len(np.unique(radiograph.pixels)) > 150


def test_every_real_film_is_in_the_table(shared_data: Path) -> None:
    folder = shared_data / "dicom"
    there = {str(path.relative_to(folder)) for path in folder.rglob("*.dcm")}
    assert there == {*REAL, "chest/ljdata_966.dcm"}


@pytest.mark.parametrize("encoding", ["DEFL", "EVRBE", "J2KR", "RLE"])
def test_transcoded_films_are_the_film(shared_data: Path, encoding: str) -> None:
    folder = shared_data / "dicom"
    film = read_radiograph(str(folder / "chest" / "gdcm-CR-MONO1-10-chest.dcm"))
    other = read_radiograph(str(folder / "chest-transcoded" / f"MONO1chest_{encoding}.dcm"))
    assert np.array_equal(film.pixels, other.pixels)


def test_a_truly_broken_film_is_refused(shared_data: Path) -> None:
    with pytest.raises(ScanError) as caught:
        read_radiograph(str(shared_data / "dicom" / "chest" / "ljdata_966.dcm"))
    assert caught.value.reason.status is Status.UNREADABLE


def test_a_flipped_tag_flips_the_film(shared_data: Path) -> None:
    folder = shared_data / "dicom" / "chest"
    film = read_radiograph(str(folder / "rsna_1.2.276.0.7230010.3.1.4.8323329.6904.dcm"))
    flipped = read_radiograph(str(folder / "rsna_fake_MONOCHROME1.dcm"))
    assert np.array_equal(film.pixels, PEAK - flipped.pixels)


@pytest.mark.parametrize("name", ["RG2_JPLL.dcm", "RG3_JLSL.dcm", "MONO1chest_J2KR.dcm"])
def test_real_compressed_films_cut_short_are_refused(shared_data: Path, name: str) -> None:
    (path,) = (shared_data / "dicom").rglob(name)
    whole = path.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.95):
        cut = whole[: int(len(whole) * share) // 2 * 2]
        assert refused(cut).reason is Reason.TRUNCATED
        delimited = cut + b"\xfe\xff\xdd\xe0\0\0\0\0"  # as if the picture ended there
        assert refused(delimited).reason in (Reason.TRUNCATED, Reason.DAMAGED)


def test_looked_up_levels_are_those_computed_pixel_by_pixel() -> None:
    signed = (DEEP.astype(np.int16) - 1500).astype(np.int16)
    about = {"RescaleSlope": -0.5, "RescaleIntercept": 100, "WindowCenter": 40, "WindowWidth": 900}
    grey = decode_dicom(dicom_bytes(signed, **about), USUAL).pixels
    shown = window(signed * -0.5 + 100, 40, 900)
    assert np.array_equal(grey, np.rint(shown * 65_535).astype(np.uint16))


def palette(order: str) -> dict[str, object]:
    """Three tables that show each value as itself, with words in one byte order."""
    table = (np.arange(256, dtype=np.uint16) << 8).astype(f"{order}u2").tobytes()
    names = [f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue")]
    return {f"{name}Descriptor": [256, 0, 16] for name in names} | {
        f"{name}Data": table for name in names
    }


@pytest.mark.parametrize(
    ("syntax", "order"), [(ExplicitVRLittleEndian, "<"), (ExplicitVRBigEndian, ">")]
)
def test_the_words_of_a_palette_are_in_the_file_s_byte_order(syntax: UID, order: str) -> None:
    data = dicom_bytes(FILM, photometric="PALETTE COLOR", syntax=syntax, **palette(order))
    grey = decode_dicom(data, USUAL).pixels
    assert np.abs(grey / 256 - FILM).max() < 1


def test_a_compressed_syntax_with_nothing_in_it_is_damaged() -> None:
    fault = refused(dicom_bytes(FILM, syntax=JPEG2000Lossless, frame=b"\0" * 200))
    assert fault.reason is Reason.DAMAGED
