"""What the pictures are called that a report keeps beside it, and how they are told from films."""

from __future__ import annotations

import os
import re

PICTURE_NAME = re.compile(r"[0-9a-f]{32}\.jpg")
FOLDER_SUFFIX = "_files"  # as browsers name it: out.html has out_files
_OF_FILE_MANAGERS = ("thumbs.db", "desktop.ini")  # they leave these in folders of pictures
_MARK = b'<meta name="generator" content="xrayscan '
_HEAD_BYTES = 4096  # the mark stands before style and script


def is_report_files(folder: str) -> bool:
    """Whether a folder is that of a report's pictures, X_files beside X.html, and nothing else.

    One that holds any other file is none: nobody would scan that file again.
    """
    page = f"{folder.removesuffix(FOLDER_SUFFIX)}.html"
    if not folder.endswith(FOLDER_SUFFIX) or not os.path.isfile(page):  # noqa: PTH113
        return False
    try:
        with open(page, "rb") as file:  # noqa: PTH123
            if _MARK not in file.read(_HEAD_BYTES):
                return False
        return all(map(is_harmless, os.listdir(folder)))  # noqa: PTH208  # names may be no UTF-8
    except OSError:
        return False


def is_harmless(name: str) -> bool:
    """Whether a file in a folder of pictures is no film that somebody might miss."""
    known = PICTURE_NAME.fullmatch(name) or name.lower() in _OF_FILE_MANAGERS
    return bool(known) or name.startswith(".")
