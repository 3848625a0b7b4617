"""Cores by affinity and by the quotas of control groups, and libraries that stay within them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xrayscan.cores import available_cores, keep_libraries_within

V1 = "33 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
V2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = V1 + V2.replace("/sys/fs/cgroup rw", "/sys/fs/cgroup/unified rw")
V1_CONTAINER = V1.replace(" / ", " /docker/ab ")
V1_GROUPS = "4:memory:/x\n3:cpu,cpuacct:{}\n0::/other\n"
UNIT = "system.slice/xrayscan.service"


def v1(folder: str, quota: str, period: str = "100000") -> dict[str, str]:
    folder = f"sys/fs/cgroup/cpu,cpuacct/{folder}"
    return {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": period}


TREES = {
    "no files": ({}, 8),
    "v2, a unit's own": (
        {
            "proc/self/cgroup": f"0::/{UNIT}\n",
            "proc/self/mountinfo": V2,
            f"sys/fs/cgroup/{UNIT}/cpu.max": "200000 100000\n",
        },
        2,
    ),
    "v2, the least of a unit's and those above": (
        {
            "proc/self/cgroup": f"0::/{UNIT}\n",
            "proc/self/mountinfo": V2,
            f"sys/fs/cgroup/{UNIT}/cpu.max": "700000 100000\n",
            "sys/fs/cgroup/system.slice/cpu.max": "300000 100000\n",
        },
        3,
    ),
    "v2, in a container's own namespace": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "400000 100000\n",
        },
        4,
    ),
    "v2, unlimited": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "max 100000\n",
        },
        8,
    ),
    "v2, a fraction is rounded up": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "250000 100000\n",
        },
        3,
    ),
    "v2, less than one": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "5000 100000\n",
        },
        1,
    ),
    "v2, of another period": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "40000 20000\n",
        },
        2,
    ),
    "v2, more than there are": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "6400000 100000\n",
        },
        8,
    ),
    "v1": (
        {
            "proc/self/cgroup": V1_GROUPS.format("/batch/night"),
            "proc/self/mountinfo": V1,
            **v1("batch/night", "150000\n", "50000\n"),
            **v1("batch", "-1\n"),
        },
        3,
    ),
    "v1, limited further up": (
        {
            "proc/self/cgroup": V1_GROUPS.format("/batch/night"),
            "proc/self/mountinfo": V1,
            **v1("batch/night", "-1\n"),
            **v1("batch", "200000\n"),
        },
        2,
    ),
    "v1, in a container that sees the host's path": (
        {
            "proc/self/cgroup": V1_GROUPS.format("/docker/ab"),
            "proc/self/mountinfo": V1_CONTAINER,
            **v1("", "300000\n"),
        },
        3,
    ),
    "v1 beside v2 without that controller": (
        {
            "proc/self/cgroup": V1_GROUPS.format("/batch"),
            "proc/self/mountinfo": HYBRID,
            **v1("batch", "200000\n"),
            # of others: the groups of those names that this process is in are of other trees
            **v1("x", "100000\n"),
            **v1("other", "100000\n"),
            "sys/fs/cgroup/unified/batch/cpu.max": "100000 100000\n",
        },
        2,
    ),
    "v2, a colon in a name": (
        {
            "proc/self/cgroup": "0::/cri:ab\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cri:ab/cpu.max": "200000 100000\n",
        },
        2,
    ),
    "v2 beside a mount whose name is no text": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2 + "31 24 8:1 / /mnt/r\udcf6ntgen rw - ext4 /dev/sda1 rw\n",
            "sys/fs/cgroup/cpu.max": "200000 100000\n",
        },
        2,
    ),
    "a period of nought": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "100000 0\n",
        },
        8,
    ),
    "a group that lies elsewhere": (
        {
            "proc/self/cgroup": V1_GROUPS.format("/elsewhere"),
            "proc/self/mountinfo": V1_CONTAINER,
            **v1("", "200000\n"),
        },
        2,
    ),
    "nothing that the kernel documents": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "100000 soon\n",
        },
        8,
    ),
    "no mounts that can be read": ({"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": "?"}, 8),
}


@pytest.mark.parametrize(("files", "cores"), TREES.values(), ids=TREES)
def test_quotas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    assert available_cores(tmp_path) == cores


def test_where_affinity_is_unknown_all_cores_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores(tmp_path) == 1
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert available_cores(tmp_path) == 12


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_a_process_of_one_core_counts_one() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from xrayscan.cores import available_cores; print(available_cores())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENCV_FOR_THREADS_NUM", "3")
    keep_libraries_within()
    assert os.environ["OPENCV_FOR_THREADS_NUM"] == "3"
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == str(available_cores())


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux")
def test_a_command_loads_libraries_without_threads_of_their_own() -> None:
    """A thread for each core of the machine in every process that reads would be the usual."""
    code = (
        "import os, sys; from typer.testing import CliRunner; from xrayscan.cli.app import app\n"
        "CliRunner().invoke(app, ['models', 'show', 'no such model'])\n"
        "import cv2, numpy\n"
        "print(len(os.listdir('/proc/self/task')), cv2.getNumThreads())"
    )
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "1 1\n"
