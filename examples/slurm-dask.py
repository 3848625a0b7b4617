"""Starts Dask workers as SLURM jobs, scores films on them, and ends them with the run.

    python slurm-dask.py /mnt/share/scans --csv /mnt/share/results.csv

Takes what `xrayscan predict` takes. Run it where jobs can be submitted from and where nodes can
reach it (a small job of its own, or a login node); needs `pip install 'xrayscan[cluster]'
dask-jobqueue` and one installation that all nodes see.
"""

import os
import subprocess
import sys

from dask_jobqueue import SLURMCluster

JOBS = int(os.environ.get("JOBS", "8"))
CORES = int(os.environ.get("CORES", "4"))  # of each job
# page faults cost as much as decoding otherwise, see docs/cluster.md
MEMORY = '{"MALLOC_TRIM_THRESHOLD_": 67108864, "MALLOC_MMAP_THRESHOLD_": 33554432}'


def slurm() -> SLURMCluster:
    """Jobs of one worker process a core."""
    return SLURMCluster(
        job_name="xrayscan",
        cores=CORES,
        processes=CORES,
        memory=f"{CORES} GB",  # a process of one thread takes about half of its share
        walltime="04:00:00",
        # workers hand their work on before their time is over, and not all at once
        worker_extra_args=["--lifetime", "225m", "--lifetime-stagger", "10m"],
        job_script_prologue=[f"export DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON='{MEMORY}'"],
        scheduler_options={"dashboard": False},
        # interface="ib0",  # where nodes do not reach the host by its usual address
    )


def predict(cluster, jobs: int, arguments: list[str]) -> int:
    """Score on a cluster of jobs; returns the exit code of the run."""
    with cluster:
        cluster.scale(jobs=jobs)
        cluster.wait_for_workers(1)  # however long the queue is; the others join as they start
        engine = ["--engine", cluster.scheduler_address]
        command = [sys.executable, "-m", "xrayscan", "predict", *arguments, *engine]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(predict(slurm(), JOBS, sys.argv[1:]))
