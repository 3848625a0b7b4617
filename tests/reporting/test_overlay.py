from __future__ import annotations

import base64

import cv2
import numpy as np

from xrayscan.reporting.overlay import STRONGEST, colour_bar, colour_table, data_uri, overlay

FILM = np.tile(np.linspace(0, 255, 60, dtype=np.uint8), (80, 1))


def test_no_heat_leaves_the_film_as_it_is() -> None:
    drawn = overlay(FILM, np.zeros((7, 7), np.float32))
    assert np.array_equal(drawn, np.repeat(FILM[:, :, None], 3, axis=2))


def test_heat_lies_where_it_was_measured() -> None:
    heat = np.zeros((7, 7), np.float32)
    heat[0, 6] = 1  # upper right
    changed = np.abs(overlay(FILM, heat).astype(int) - FILM[:, :, None]).sum(axis=2)
    assert changed[:10, -8:].mean() > 50
    assert changed[40:, :30].max() == 0


def test_more_heat_changes_more() -> None:
    maps = [np.full((7, 7), level, np.float32) for level in (0.0, 0.25, 0.5, 1.0)]
    changes = [np.abs(overlay(FILM, heat).astype(int) - FILM[:, :, None]).sum() for heat in maps]
    assert changes == sorted(changes)
    assert len(set(changes)) == 4


def test_colour_bar_shows_the_colours_that_overlays_have_over_mid_grey() -> None:
    bar = colour_bar(16)
    for step, colour in enumerate(bar):
        heat = np.full((4, 4), step / 15, np.float32)
        blue, green, red = overlay(np.full((8, 8), 128, np.uint8), heat)[4, 4]
        assert colour == f"#{red:02x}{green:02x}{blue:02x}"
    assert bar[0] == "#808080", "no heat leaves the film as it is"


def test_colour_table_gives_what_overlays_are_blended_with() -> None:
    table = np.frombuffer(bytes.fromhex(colour_table()), np.uint8).reshape(256, 3)
    for level in (0, 100, 200, 255):
        heat = np.full((4, 4), level / 255, np.float32)
        drawn = overlay(np.full((8, 8), 50, np.uint8), heat)[4, 4, ::-1]
        share = STRONGEST * level / 255
        assert np.abs(drawn - (50 * (1 - share) + table[level] * share)).max() <= 1


def test_the_colours_grow_lighter_with_the_heat() -> None:
    """Perceptual: who sees no colours reads the same order."""
    table = np.frombuffer(bytes.fromhex(colour_table()), np.uint8).reshape(256, 3) / 255.0
    light = np.where(table <= 0.04045, table / 12.92, ((table + 0.055) / 1.055) ** 2.4)
    steps = np.diff((light @ [0.2126, 0.7152, 0.0722])[::5])
    assert (steps > 0).all()


def test_data_uri_holds_the_picture() -> None:
    head, _, body = data_uri(FILM).partition(",")
    assert head == "data:image/jpeg;base64"
    back = cv2.imdecode(np.frombuffer(base64.b64decode(body), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert back is not None
    assert np.abs(back.astype(int) - FILM).mean() < 3
