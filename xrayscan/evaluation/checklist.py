"""The reporting checklist: what the run itself can answer, and what a person has to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xrayscan.evaluation.checklist_items import CLAIM, CLAIM_ITEMS, TRIPOD, TRIPOD_ITEMS
from xrayscan.scoring.card import trained_on

_SHOWN = "In this report, with intervals and by subgroup."
_MEASURES = (
    "Proportions with Wilson's interval on the effective number of films, AUC with DeLong's and "
    "the bootstrap's over patients, the rest with the bootstrap's; calibration line, Brier score "
    "and decision curve."
)


@dataclass(frozen=True, slots=True)
class Row:
    """An item of a standard with what the run says to it.

    Attributes:
        standard: its name.
        number: of the item, as the standard counts.
        asks: what it asks, in our own words.
        answer: "" where a person has to write it.
    """

    standard: str
    number: str
    asks: str
    answer: str = ""


def checklist(facts: Mapping[str, Any], card: Mapping[str, Any]) -> tuple[Row, ...]:
    """Every item of both standards, those answered that a run and the model's card can answer."""
    standards = (
        (TRIPOD, TRIPOD_ITEMS, _tripod(facts, card)),
        (CLAIM, CLAIM_ITEMS, _claim(facts, card)),
    )
    return tuple(
        Row(name, number, asks, answers.get(number, ""))
        for name, items, answers in standards
        for number, asks in items
    )


def _tripod(facts: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, str]:
    return {
        "7": _preparation(facts, card),
        "9b": "The film alone; nothing from a header is scored.",
        "11": _missing(facts),
        "12d": _patients(facts),
        "12e": _MEASURES,
        "12f": _updated(card),
        "12g": _computed(facts),
        "13": _imbalance(facts),
        "14": _groups(facts),
        "15": _output(facts, card),
        "16": _training(facts, card),
        "18f": _code(facts),
        "20a": _flow(facts),
        "21": _flow(facts),
        "22": _model(facts, card),
        "23a": _SHOWN,
    }


def _claim(facts: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, str]:
    return {
        "9": _preparation(facts, card),
        "12": _missing(facts),
        "20": f"{_patients(facts)} {_training(facts, card)}",
        "22": _model(facts, card),
        "23": ", ".join(f"{name} {version}" for name, version in facts["versions"].items()) + ".",
        "24": _started(card),
        "28": _MEASURES,
        "29": _MEASURES,
        "30": "At every threshold, by subgroup, and with films without a probability as referred.",
        "31": _explained(facts),
        "35": _flow(facts),
        "37": _SHOWN,
        "38": _SHOWN,
        "39": "The panels of wrong and borderline films.",
        "43": f"{_code(facts)} Of the data, a person has to write.",
    }


def _preparation(facts: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    size = card["input"]["size"]
    admission = facts["options"]["admission"]
    unlike = "were not scored" if admission == "on" else "were scored, too"
    return (
        f"Decoded to grey, squeezed to {size} × {size} pixels; films outside the training "
        f"population {unlike} (admission {admission})."
    )


def _patients(facts: Mapping[str, Any]) -> str:
    unnamed = facts["flow"]["without_patient"]
    alone = f" {unnamed} films name none and count as one each." if unnamed else ""
    return f"Films of one patient are taken together in every interval.{alone}"


def _missing(facts: Mapping[str, Any]) -> str:
    flow = facts["flow"]
    return (
        f"{flow['without_probability']} of {flow['labelled']} films got no probability; measured "
        "without them and, once more, with them counted as referred."
    )


def _imbalance(facts: Mapping[str, Any]) -> str:
    films = facts["measures"]["films"]
    words = f"{films['positive']} of {films['scored']} films are {films['names'][1]}"
    prevalence = facts["measures"]["prevalence"]
    if prevalence is None:
        return f"{words}; predictive values hold at this share only (--prevalence gives others)."
    return f"{words}; predictive values are also given at a prevalence of {prevalence:g}."


def _groups(facts: Mapping[str, Any]) -> str:
    columns = ", ".join(facts["subgroups"])
    return f"By {columns}." if columns else "No subgroup is known: give a CSV with such columns."


def _output(facts: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    return f"{card['score']}; positive from {facts['threshold']:.4f} on ({facts['rule']})."


def _updated(card: Mapping[str, Any]) -> str:
    words = card.get("recalibration", {}).get("words", "")
    return words or "The model is evaluated as it is."


def _started(card: Mapping[str, Any]) -> str:
    start = card["training"].get("started_from", "")
    return f"Started from {start}." if start else ""


def _computed(facts: Mapping[str, Any]) -> str:
    return f"By the model's scorer, on every film alone (card sha256 {facts['model']['sha256']})."


def _code(facts: Mapping[str, Any]) -> str:
    return f"xrayscan {facts['versions']['xrayscan']}, open source."


def _training(facts: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    learnt_from = trained_on(card["training"])
    population = learnt_from or card["training"].get("population") or "not said in the card"
    learnt = facts["flow"]["learnt_from"]
    words = "not known" if learnt is None else str(learnt)
    # what was made anew of others that do not say tells of the films that it was validated on
    done = "Trained" if learnt_from or card["training"].get("epochs", 1) else "Validated"
    return f"{done} on: {population}. Films here that the model has learnt from: {words}."


def _flow(facts: Mapping[str, Any]) -> str:
    flow = facts["flow"]
    return (
        f"{flow['labelled']} films of {flow['patients']} patients; {flow['scored']} scored, "
        f"{flow['not_assessed']} not assessed, {flow['unreadable']} unreadable, "
        f"{flow['vanished']} vanished."
    )


def _model(facts: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    model = facts["model"]
    return f"{model['name']}, {card['architecture']}, card sha256 {model['sha256']}."


def _explained(facts: Mapping[str, Any]) -> str:
    tested = "tested below" if facts.get("explanations") else "not tested in this run"
    return f"Grad-CAM and Grad-CAM++ of every film shown; {tested} (--explanations)."
