"""Which classes are trained, in which order: the first is the negative one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from xrayscan.errors import DataError, UsageError
from xrayscan.labels.listing import Entry

NEGATIVE = "NORMAL"  # the class that is the negative one where the data has it
POSITIVE = "PNEUMONIA"  # the class whose probability is the score, where the data has it
# What lists call the negative class that do not call it NORMAL; case, spaces and dashes aside.
_NEGATIVES = frozenset({"nofinding", "nofindings", "healthy", "negative", "control"})
SUBTYPE = "subtype"  # tells pneumonias of bacteria and of viruses apart
_SUBTYPES = (NEGATIVE, "BACTERIA", "VIRUS")
_KERMANY_SUBTYPE = re.compile(r"person\d+_(bacteria|virus)_", re.IGNORECASE)
_SHOWN = 12  # names in a message; a list whose label column is none has thousands


@dataclass(frozen=True, slots=True)
class Classed:
    """Entries with their classes.

    Attributes:
        classes: names; the first is the negative one.
        positive: name of what the score is the probability of.
        entries: those of the chosen classes, each with its index into ``classes``.
    """

    classes: tuple[str, ...]
    positive: str
    entries: tuple[tuple[Entry, int], ...]


def classed(
    data: Path, entries: Sequence[Entry], names: Collection[str], wanted: str = ""
) -> Classed:
    """Choose the classes and tell each entry's.

    Args:
        data: folder or CSV, for the messages.
        entries: what is listed.
        names: of the classes that occur, those without films, too.
        wanted: "" for all of them, "subtype", or names separated by commas, the negative first.

    Raises:
        UsageError: fewer than two names, or one that does not occur.
        DataError: fewer than two classes, one without films, names that differ in case only, no
            telling which is the negative one, or no subtype.
    """
    _check_case(data, names)
    if wanted.strip().casefold() == SUBTYPE:
        found = Classed(
            _SUBTYPES, POSITIVE, tuple((entry, _subtype(data, entry)) for entry in entries)
        )
    else:
        chosen = _wanted(data, names, wanted) if wanted.strip() else _ordered(data, names)
        place = {name: label for label, name in enumerate(chosen)}
        kept = tuple((entry, place[entry.label]) for entry in entries if entry.label in place)
        positive = chosen[1] if len(chosen) == 2 else f"NOT {chosen[0]}"
        found = Classed(chosen, positive, kept)
    counts = Counter(label for _, label in found.entries)
    for label, name in enumerate(found.classes):
        if not counts[label]:
            raise DataError(f"{data}: class {name} has no films; add some or leave the class out")
    return found


def _check_case(data: Path, names: Collection[str]) -> None:
    seen: dict[str, str] = {}
    for name in sorted(names):
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise DataError(
                f"{data}: classes {other} and {name} differ in case only; give them one name"
            )


def _ordered(data: Path, names: Collection[str]) -> tuple[str, ...]:
    """The negative class first, PNEUMONIA last where there is one; alphabetical otherwise."""
    if len(names) < 2:
        found = f"only one class ({_shown([*names])})" if names else "no class"
        raise DataError(
            f"{data}: {found}, and two are needed; put the films into one folder per class, or "
            f"under one label each, e.g. {NEGATIVE} and {POSITIVE}"
        )
    ordered = sorted(names, key=lambda name: (name.upper() == POSITIVE, name))
    negative = _negative(ordered)
    if not negative:  # one that is guessed would turn every score around
        raise DataError(
            f"{data}: found {len(ordered)} classes ({_shown(ordered)}) and none named {NEGATIVE}; "
            "give --classes with the negative one first, e.g. --classes "
            f'"{",".join(ordered[:3])}"'
        )
    return negative, *(name for name in ordered if name != negative)


def _negative(names: Sequence[str]) -> str:
    """The negative class by its name, or as the only one beside PNEUMONIA; "" where none is told.

    Args:
        names: of all classes, PNEUMONIA last.
    """
    found = [name for name in names if name.upper() == NEGATIVE] or [
        name for name in names if re.sub(r"[\W_]", "", name).casefold() in _NEGATIVES
    ]
    if not found and len(names) == 2 and names[1].upper() == POSITIVE:
        return names[0]
    return found[0] if len(found) == 1 else ""


def _wanted(data: Path, names: Collection[str], wanted: str) -> tuple[str, ...]:
    """The given names, as the data writes them."""
    occurring = {name.casefold(): name for name in names}
    asked = [name.strip() for name in wanted.split(",")]
    if len(asked) < 2 or len({name.casefold() for name in asked}) < len(asked):
        raise UsageError(
            f'{data}: cannot train on the classes "{wanted}"; give --classes two or more different '
            f'names, the negative one first, or "{SUBTYPE}"'
        )
    for name in asked:
        if name.casefold() not in occurring:
            raise UsageError(
                f'{data}: there is no class "{name}"; choose from {_shown(sorted(names))}'
            )
    return tuple(occurring[name.casefold()] for name in asked)


def _subtype(data: Path, entry: Entry) -> int:
    """Index into the subtypes: of the label, of the column ``subtype``, or of the file's name."""
    label = entry.label.upper()
    if label == POSITIVE:
        label = dict(entry.attributes).get("subtype", "").upper() or _named_subtype(entry.location)
        if label not in _SUBTYPES[1:]:
            raise DataError(
                f"{entry.where}: nothing tells whether {Path(entry.location).name} shows bacteria "
                "or virus; name it as personN_bacteria_M, or fill a CSV's column subtype"
            )
    if label not in _SUBTYPES:
        raise DataError(
            f"{data}: class {entry.label} has no subtypes; leave it out, or give --classes names"
        )
    return _SUBTYPES.index(label)


def _named_subtype(location: str) -> str:
    match = _KERMANY_SUBTYPE.match(Path(location).name)
    return match.group(1).upper() if match else ""


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
