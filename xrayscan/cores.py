"""How many cores a run may use, and what keeps the libraries within them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# Films are what runs side by side; what a library starts by itself, a thread for every core of the
# machine in every process that loads it, would only get in their way. Sums of BLAS are also rounded
# by the number of its threads. Read when the libraries are loaded.
_ONE_THREAD = (
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "VECLIB_MAXIMUM_THREADS",
)
# TensorFlow's steps do need threads of their own, but it knows of no quota.
_ALL_CORES = ("TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS")


def keep_libraries_within() -> None:
    """Set how many threads libraries start by themselves, where the user has not.

    Takes effect on libraries that are loaded later, in this process or those that it starts.
    """
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    for name in _ALL_CORES:
        os.environ.setdefault(name, str(available_cores()))


def available_cores(root: Path = Path("/")) -> int:
    """Cores that this process may use: by its affinity and by the quotas of its control groups.

    Args:
        root: where /proc and /sys are; another one in tests.

    Returns:
        1 or more; half a core counts as one.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, math.ceil(min(count, _quota(root))))


@dataclass(frozen=True, slots=True)
class _Hierarchy:
    """A mounted tree of control groups, and this process's place in it.

    Attributes:
        folder: of the topmost group that can be seen from here.
        group: this process's, below it.
        is_unified: of version 2.
    """

    folder: Path
    group: PurePosixPath
    is_unified: bool

    def quotas(self) -> Iterator[float]:
        """Yield the cores that the group and those above it may use, where they are limited."""
        for group in (self.group, *self.group.parents):
            folder = self.folder / group
            if self.is_unified:
                quota, _, period = _text(folder / "cpu.max").partition(" ")
            else:
                quota = _text(folder / "cpu.cfs_quota_us")
                period = _text(folder / "cpu.cfs_period_us")
            if quota.strip().isdigit() and int(period) > 0:  # "max" and -1 stand for no limit
                yield int(quota) / int(period)


def _quota(root: Path) -> float:
    """The least quota of this process's control groups, in cores; infinite without one.

    As in the kernel's documents cgroup-v2.rst (cpu.max) and sched-bwc.rst (cpu.cfs_quota_us). The
    libraries that count cores look at the topmost group alone, and so miss the CPUQuota= of a
    systemd unit.
    """
    try:
        return min(
            (each for tree in _hierarchies(root) for each in tree.quotas()), default=math.inf
        )
    except (OSError, ValueError):  # what is written otherwise than documented limits nothing
        return math.inf


def _hierarchies(root: Path) -> Iterator[_Hierarchy]:
    """Yield the trees that can limit the CPU: version 2's, and version 1's with that controller."""
    groups = {}
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)  # none stands for version 2
        groups[controllers] = group
    for line in _text(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        top, mounted = before.split(" ")[3:5]
        kind, _, options = after.split(" ", 2)
        for controllers, group in groups.items():
            is_unified = kind == "cgroup2" and not controllers
            is_cpu = "cpu" in controllers.split(",") and "cpu" in options.split(",")
            if is_unified or (kind == "cgroup" and is_cpu):
                within = _below(PurePosixPath(group), PurePosixPath(top))
                yield _Hierarchy(root / mounted.lstrip("/"), within, is_unified)


def _below(group: PurePosixPath, top: PurePosixPath) -> PurePosixPath:
    """A group's path below the one that is mounted; itself where it lies elsewhere."""
    return group.relative_to(top) if group.is_relative_to(top) else PurePosixPath()


def _text(path: Path) -> str:
    """What a file says; "" where it is not."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
