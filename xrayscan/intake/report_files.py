"""The pictures that a report keeps beside it, told from films."""

from __future__ import annotations

import os
import re

# as reporting.pictures names them, which a test holds
_PICTURE_NAME = re.compile(r"[0-9a-f]{32}\.jpg")
_OF_FILE_MANAGERS = ("thumbs.db", "desktop.ini")  # they leave these in folders of pictures
_SUFFIX = "_files"
_MARK = b'<meta name="generator" content="xrayscan '
_HEAD_BYTES = 4096  # the mark stands before style and script


def is_report_files(folder: str) -> bool:
    """Whether a folder is that of a report's pictures, X_files beside X.html, and nothing else.

    One that holds any other file is none: nobody would scan that file again.
    """
    page = f"{folder.removesuffix(_SUFFIX)}.html"
    if not folder.endswith(_SUFFIX) or not os.path.isfile(page):  # noqa: PTH113
        return False
    try:
        with open(page, "rb") as file:  # noqa: PTH123
            if _MARK not in file.read(_HEAD_BYTES):
                return False
        return all(map(_is_harmless, os.listdir(folder)))  # noqa: PTH208  # names may be no UTF-8
    except OSError:
        return False


def _is_harmless(name: str) -> bool:
    known = _PICTURE_NAME.fullmatch(name) or name.lower() in _OF_FILE_MANAGERS
    return bool(known) or name.startswith(".")
