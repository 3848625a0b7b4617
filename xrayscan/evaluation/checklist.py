"""The reporting checklist: what the run itself can answer, and what a person has to write.

TRIPOD+AI (Collins et al., BMJ 2024) by its item numbers, and CLAIM 2024 (Tejani et al., Radiology:
Artificial Intelligence 2024) where it asks for what TRIPOD+AI does not; items in our own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PERSON = (
    (
        "TRIPOD+AI 1, 2",
        "Title and abstract that say what was evaluated, for whom and where",
    ),
    ("TRIPOD+AI 3, 4", "Why the model is needed, for which decision, known inequalities, aims"),
    ("TRIPOD+AI 5a", "Where the films come from, how they were chosen, how well they represent"),
    ("TRIPOD+AI 5b, 6", "Dates, sites, who was eligible, treatments given"),
    ("TRIPOD+AI 8", "How the reference was set, by whom, how they agree, what they knew"),
    ("TRIPOD+AI 10", "Why this many films"),
    ("TRIPOD+AI 17, 19", "Ethical approval, consent, involvement of patients and the public"),
    ("TRIPOD+AI 18", "Funding, conflicts of interest, protocol, registration, sharing of data"),
    ("TRIPOD+AI 25, 26", "Interpretation, limits, what they mean for fairness and generality"),
    ("TRIPOD+AI 27", "How it is to be used, how poor or missing input is handled, what comes next"),
    ("CLAIM 2024", "How films were de-identified; manufacturers and settings of the X-ray units"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An item of the checklist with what the run says to it."""

    item: str
    about: str
    answer: str


def answers(facts: Mapping[str, Any], card: Mapping[str, Any]) -> tuple[Answer, ...]:
    """Answer the items that a run can, from its facts and the model's card."""
    return (
        Answer("TRIPOD+AI 7", "Data preparation", _preparation(facts, card)),
        Answer("TRIPOD+AI 9", "Predictors", "The film alone; nothing from a header is scored."),
        Answer("TRIPOD+AI 11", "Missing data", _missing(facts)),
        Answer("TRIPOD+AI 12e", "Measures and intervals", _measures(facts)),
        Answer("TRIPOD+AI 13", "Class imbalance", _imbalance(facts)),
        Answer("TRIPOD+AI 14", "Fairness", _groups(facts)),
        Answer("TRIPOD+AI 15", "Output", _output(facts, card)),
        Answer("TRIPOD+AI 16", "Training and evaluation data", _training(facts, card)),
        Answer("TRIPOD+AI 18f", "Code", f"xrayscan {facts['versions']['xrayscan']}, open source."),
        Answer("TRIPOD+AI 20", "Films and patients", _flow(facts)),
        Answer("TRIPOD+AI 22", "The model itself", _model(facts, card)),
        Answer("TRIPOD+AI 23", "Performance", "In this report, with intervals and by subgroup."),
        Answer("CLAIM 2024", "Failure analysis", "The panels of wrong and borderline films."),
        Answer("CLAIM 2024", "Explainability", _explained(facts)),
    )


def _preparation(facts: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    size = card["input"]["size"]
    return (
        f"Decoded to grey, squeezed to {size} × {size} pixels; films outside the training "
        f"population were not scored (admission {facts['options']['admission']})."
    )


def _missing(facts: Mapping[str, Any]) -> str:
    flow = facts["flow"]
    return (
        f"{flow['without_probability']} of {flow['labelled']} films got no probability; measured "
        "without them and, once more, with them counted as referred."
    )


def _measures(facts: Mapping[str, Any]) -> str:
    return (
        "Proportions with Wilson's interval on the effective number of films, AUC with DeLong's "
        "and the bootstrap's over patients, the rest with the bootstrap's; calibration line, "
        "Brier score and decision curve."
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


def _training(facts: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    population = card["training"].get("population") or "not said in the card"
    learnt = facts["flow"]["learnt_from"]
    words = "not known" if learnt is None else str(learnt)
    return f"Trained on: {population}. Films here that the model has learnt from: {words}."


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
