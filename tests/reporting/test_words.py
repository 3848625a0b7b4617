from __future__ import annotations

from xrayscan.records import Reason, Status
from xrayscan.reporting.words import TESTED, UNTESTED, WEAK, WORDS
from xrayscan.reporting.worklist import Section


def test_there_are_words_for_everything() -> None:
    assert set(WORDS["reasons"]) == {reason.value for reason in Reason}
    assert set(WORDS["statuses"]) == {status.value for status in Status}
    assert set(WORDS["marks"]) == {TESTED, WEAK, UNTESTED}
    assert [section["id"] for section in WORDS["sections"]] == [each.value for each in Section]
