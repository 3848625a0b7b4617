from __future__ import annotations

import base64

import cv2
import numpy as np

from xrayscan.reporting.overlay import colour_bar, data_uri, overlay

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


def test_colour_bar_gets_lighter_with_heat() -> None:
    bar = colour_bar()
    rgb = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in bar])
    lightness = list(rgb @ (0.3, 0.59, 0.11))
    assert lightness == sorted(lightness)


def test_data_uri_holds_the_picture() -> None:
    head, _, body = data_uri(FILM).partition(",")
    assert head == "data:image/jpeg;base64"
    back = cv2.imdecode(np.frombuffer(base64.b64decode(body), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert back is not None
    assert np.abs(back.astype(int) - FILM).mean() < 3
