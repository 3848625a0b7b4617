"""Labelled films as records."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LabelledFilm:
    """One film of a labelled folder.

    Attributes:
        location: path to open.
        label: index into the classes.
        patient: key of whose film it is, ``location`` where that is not known; films of one
            patient never part. Kept out of ``repr``, as are the attributes: messages and logs are
            no place for either.
        split: "train", "val" or "test" as the folder gives it; "" where it gives none.
        weight: how much the film counts in training, >= 0; 1 where nothing is said.
        attributes: (name, value) pairs of whatever else is known, for subgroups.
    """

    location: str
    label: int
    patient: str = field(repr=False)
    split: str = ""
    weight: float = 1.0
    attributes: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def names_patient(self) -> bool:
        """Whether it is known whose film it is; else it is taken for a patient of its own."""
        return self.patient != self.location


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """Labelled films as read from disk.

    Attributes:
        classes: names; the first is the negative one, every other counts as positive.
        films: in their lasting order.
        positive: what the score is the probability of: the one other class, or a name for all.
    """

    classes: tuple[str, ...]
    films: tuple[LabelledFilm, ...]
    positive: str

    def of_split(self, *splits: str) -> tuple[LabelledFilm, ...]:
        return tuple(film for film in self.films if film.split in splits)
