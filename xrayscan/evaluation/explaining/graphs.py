"""What tests of heat maps need of an exported graph: its last feature map, and other weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from xrayscan.errors import ModelError
from xrayscan.scoring.engine import EMBEDDING

FEATURES = "last_feature_map"
_SMALLEST = 16  # values; smaller constants are axes, limits and means, no learnt weights
_WEIGHTED = ("Convolution", "GroupConvolution", "MatMul")


def with_features(model: Any) -> None:
    """Add the last feature map, (B, C, h, w), to the graph's outputs, as FEATURES.

    It is what the embedding is the mean of.

    Raises:
        ModelError: the embedding is no mean over a map's positions.
    """
    from openvino import opset13 as ops

    result = next(each for each in model.outputs if EMBEDDING in each.get_names())
    pooled = result.get_node().input_value(0).get_node()
    source = pooled.input_value(0) if pooled.get_type_name() == "ReduceMean" else None
    if source is None or len(source.get_partial_shape()) != 4:
        raise ModelError("this model pools no feature map; choose --method gradcam or occlusion")
    axes = sorted(pooled.input_value(1).get_node().get_data().ravel().tolist())
    if axes == [1, 2]:  # channels last
        source = ops.transpose(source, ops.constant([0, 3, 1, 2])).output(0)
    (added,) = model.add_outputs(source)
    added.set_names({FEATURES})


def shuffled(seed: int) -> Callable[[Any], None]:
    """Make a change that shuffles every weight among those of its tensor.

    It keeps each layer's distribution of weights and takes away all that was learnt (the model
    parameter randomisation of Adebayo et al. 2018, section 3, all layers at once). A weight that
    the graph holds twice, for a layer and for its gradient, is shuffled the same way in both.
    """

    def change(model: Any) -> None:
        from openvino import opset13 as ops

        for node in model.get_ordered_ops():
            if node.get_type_name() != "Constant" or not _is_weight(node):
                continue
            values = node.get_data()
            order = np.random.default_rng((seed, values.size)).permutation(values.size)
            moved = values.ravel()[order].reshape(values.shape)
            node.output(0).replace(ops.constant(moved).output(0))

    return change


def _is_weight(node: Any) -> bool:
    users = {each.get_node().get_type_name() for each in node.output(0).get_target_inputs()}
    return (
        node.get_element_type().get_type_name() == "f32"
        and int(np.prod(node.get_output_shape(0))) >= _SMALLEST
        and bool(users & set(_WEIGHTED))
    )
