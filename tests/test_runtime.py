from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.films import draw_film, jpeg_bytes

# Says what OpenVINO would send, on its import and when it was loaded by us.
LOADING = """
import os, sys
from openvino_telemetry.utils.sender import TelemetrySender

TelemetrySender.send = lambda *message: print("sent")
if sys.argv[1] == "by us":
    from xrayscan.runtime import openvino
    openvino().Core()
else:
    import openvino
print(os.environ.get("CI"))
"""
SCORING = "from xrayscan.cli import main; main()"


_CI = ("CI", "TF_BUILD", "JENKINS_URL")


def python(home: Path, code: str, *arguments: str, ci: str | None = None) -> str:
    """Run code with a home of its own, as no part of a CI job."""
    environment = {name: value for name, value in os.environ.items() if name not in _CI}
    environment |= {"HOME": str(home)} | ({} if ci is None else {"CI": ci})
    line = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(line, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("ci", [None, "false", "yes"])
def test_openvino_reports_to_nobody(tmp_path: Path, ci: str | None) -> None:
    assert python(tmp_path, LOADING, "by us", ci=ci) == f"{ci}\n"
    assert list(tmp_path.iterdir()) == []


def test_openvino_alone_would_report(tmp_path: Path) -> None:
    """Or there is nothing to keep it from any more."""
    assert python(tmp_path, LOADING, "alone").startswith("sent\n")


# Runs a network of one step; some versions of ONNX Runtime send that to their makers.
RUNNING_ONNX = """
import os
from xrayscan.runtime import onnx_runtime

onnxruntime = onnx_runtime()
print(os.environ.get("ORT_DISABLE_TELEMETRY"))
from onnx import TensorProto, helper

pixels, found = (helper.make_tensor_value_info(each, TensorProto.FLOAT, [1]) for each in "xy")
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [pixels], [found])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
"""


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="needs xrayscan[onnx]")
def test_onnx_runtime_reports_to_nobody(tmp_path: Path) -> None:
    assert python(tmp_path, RUNNING_ONNX) == "None\n"
    assert list(tmp_path.iterdir()) == []


def test_scoring_leaves_nothing_at_home(tmp_path: Path) -> None:
    film, home = tmp_path / "a.jpg", tmp_path / "home"
    film.write_bytes(jpeg_bytes(draw_film(seed=1)))
    home.mkdir()
    given = [str(film), "--csv", str(tmp_path / "p.csv"), "--quiet"]
    python(home, SCORING, "predict", *given)
    assert list(home.iterdir()) == []
